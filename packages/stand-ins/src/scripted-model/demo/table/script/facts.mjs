// @ts-nocheck -- untyped on purpose: a part of a script that runs in the sandbox
// oxlint-disable no-undef -- part of a script: what it uses stands in the parts before it
if (problems.length > 0) {
  process.stdout.write('The data is not what its first lines suggest:\n');
  for (const problem of problems) process.stdout.write(`PROBLEM ${JSON.stringify(problem)}\n`);
  process.exitCode = 1;
} else {
  const facts = findFacts();
  writeFileSync(assumptions.output, facts.map((fact) => `${JSON.stringify(fact)}\n`).join(''));
  for (const fact of facts) {
    const line = readable(fact);
    if (line !== null) process.stdout.write(`${line}\n`);
  }
  process.stdout.write(`All figures are in ${assumptions.output}.\n`);
}

/** One fact in words, for whoever watches; null for what would be too much. */
function readable(fact) {
  switch (fact.fact) {
    case 'table':
      return `${fact.rows} rows, ${fact.columns} columns, ${fact.missing} cells missing`;
    case 'column':
      if (fact.type === 'number')
        return `${fact.name}: ${round(fact.min)} to ${round(fact.max)}, mean ${fact.mean}, median ${fact.median}`;
      if (fact.type === 'date') return `${fact.name}: ${fact.first} to ${fact.last}`;
      if (fact.type === 'text')
        return `${fact.name}: ${fact.distinct} different, most often ${fact.top[0][0]} (${fact.top[0][1]})`;
      return `${fact.name}: empty`;
    case 'groups':
    case 'periods':
      return `by ${fact.by}: ${fact.distinct} groups`;
    case 'correlation':
      return `${fact.a} and ${fact.b}: r = ${fact.r}`;
    default:
      return null;
  }
}

function findFacts() {
  const profiles = columns.map((column, index) => profile(column, values[index]));
  const measures = profiles
    .flatMap((column, index) => (column.type === 'number' && !column.isIdentifier ? [index] : []))
    .slice(0, 4);
  const table = {
    fact: 'table',
    rows: rows.length,
    columns: columns.length,
    bytes: bytes.length,
    missing: profiles.reduce((sum, { missing }) => sum + missing, 0),
    duplicates: rows.length - new Set(rows.map((fields) => JSON.stringify(fields))).size,
    uneven: uneven.length,
  };
  // Many columns would flood the output: the first ones stand for all.
  return [
    table,
    ...profiles.slice(0, 40),
    ...groupings(profiles, measures).flat(),
    ...periods(profiles, measures).flat(),
    ...correlations(profiles, measures),
  ];
}

function profile({ name, type }, cells) {
  const filled = cells.filter((cell) => cell !== null);
  const base = {
    fact: 'column',
    name: shorten(name),
    type,
    filled: filled.length,
    missing: cells.length - filled.length,
  };
  if (filled.length === 0) return { ...base, type: 'empty' };
  if (type === 'text') {
    const counts = countsOf(filled);
    return {
      ...base,
      distinct: counts.length,
      top: counts.slice(0, 5).map(([value, count]) => [shorten(value), count]),
      entropy: entropyOf(counts, filled.length),
    };
  }
  const sorted = filled.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (type === 'date')
    return { ...base, first: sorted[0], last: sorted.at(-1), distinct: new Set(filled).size };
  const sum = sumOf(filled);
  const mean = sum / filled.length;
  const middle = (sorted[(filled.length - 1) >> 1] + sorted[filled.length >> 1]) / 2;
  const deviation = Math.sqrt(
    sumOf(filled.map((value) => (value - mean) ** 2)) / Math.max(1, filled.length - 1),
  );
  const isIdentifier =
    filled.length > 20 &&
    filled.every((value) => Number.isInteger(value)) &&
    new Set(filled).size === filled.length;
  return {
    ...base,
    min: sorted[0],
    max: sorted.at(-1),
    sum: round(sum),
    mean: round(mean),
    median: round(middle),
    deviation: round(deviation),
    isIdentifier,
  };
}

/** Means of the measures by the columns that part the rows best: several values, none of them rare. */
function groupings(profiles, measures) {
  return profiles
    .flatMap((column, index) =>
      column.type === 'text' &&
      column.entropy > 0.5 &&
      column.distinct <= 60 &&
      column.distinct <= rows.length / 3
        ? [{ ...column, index }]
        : [],
    )
    .toSorted((a, b) => b.entropy - a.entropy)
    .slice(0, 2)
    .map(({ name, index }) => grouping('groups', name, values[index], measures, (a, b) => b.count - a.count));
}

/** Means of the measures by year, or by month when there is one year only. */
function periods(profiles, measures) {
  return profiles
    .flatMap((column, index) => {
      if (column.type !== 'date') return [];
      const length = column.first.slice(0, 4) === column.last.slice(0, 4) ? 7 : 4;
      const keys = values[index].map((day) => day?.slice(0, length) ?? null);
      return [grouping('periods', column.name, keys, measures, (a, b) => (a.value < b.value ? -1 : 1))];
    })
    .slice(0, 1);
}

/** A head and its largest, or first, members: one fact each, so that no line of the file is long. */
function grouping(fact, name, keys, measures, order) {
  const groups = new Map();
  keys.forEach((key, row) => {
    if (key === null) return;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(row);
  });
  const all = [...groups].map(([value, members]) => ({
    value: shorten(value),
    count: members.length,
    fact: 'member',
    by: shorten(name),
    means: measures.map((index) => {
      const cells = members.flatMap((row) => values[index][row] ?? []);
      return cells.length === 0 ? null : round(sumOf(cells) / cells.length);
    }),
  }));
  const head = {
    fact,
    by: shorten(name),
    distinct: all.length,
    measures: measures.map((index) => shorten(columns[index].name)),
  };
  return [head, ...all.toSorted(order).slice(0, 15)];
}

/** The pairs of measures that go together most (Pearson), over the rows that have both. */
function correlations(profiles, measures) {
  const pairs = measures.flatMap((a, place) => measures.slice(place + 1).map((b) => [a, b]));
  return pairs
    .map(([a, b]) => ({
      fact: 'correlation',
      a: profiles[a].name,
      b: profiles[b].name,
      ...pearson(values[a], values[b]),
    }))
    .filter(({ r, count }) => count > 10 && Number.isFinite(r))
    .toSorted((a, b) => Math.abs(b.r) - Math.abs(a.r))
    .slice(0, 3);
}

function pearson(left, right) {
  const pairs = left.flatMap((value, row) =>
    value === null || right[row] === null ? [] : [[value, right[row]]],
  );
  const [meanA, meanB] = [0, 1].map((side) => sumOf(pairs.map((pair) => pair[side])) / pairs.length);
  const covariance = sumOf(pairs.map(([a, b]) => (a - meanA) * (b - meanB)));
  const spread = Math.sqrt(
    sumOf(pairs.map(([a]) => (a - meanA) ** 2)) * sumOf(pairs.map(([, b]) => (b - meanB) ** 2)),
  );
  return { r: spread === 0 ? Number.NaN : round(covariance / spread), count: pairs.length };
}

function countsOf(cells) {
  const counts = new Map();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  return [...counts].toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
}

function entropyOf(counts, total) {
  return round(-sumOf(counts.map(([, count]) => (count / total) * Math.log2(count / total))));
}

function sumOf(numbers) {
  return numbers.reduce((sum, value) => sum + value, 0);
}

function round(value) {
  return Number(value.toFixed(4));
}
