import { howToUseAModel, introduction } from '../introduction.ts';
import { meansMissing } from './infer.ts';
import type { ColumnFact, Facts, Grouping } from './facts.ts';

/** One analysed table: what the script found, and what had to be mended on the way. */
export interface Analysis {
  readonly file: string;
  readonly script: string;
  readonly facts: Facts;
  readonly repairs: readonly string[];
}

/** The report in Markdown. Every figure in it stands in the output of the script. */
export function renderReport(analyses: readonly Analysis[], asked: string): string {
  const title = analyses.map(({ file }) => baseName(file)).join(' and ');
  return [
    `# What is in ${title}`,
    ...(asked === '' ? [] : [`> ${asked.split('\n').join('\n> ')}`]),
    ...analyses.flatMap((analysis) => sectionsOf(analysis, analyses.length > 1)),
    '---',
    `${introduction} ${howToUseAModel}`,
    '',
  ].join('\n\n');
}

/** The few sentences that say most, for the report's head and for the summary of the run. */
export function findingsOf({ facts }: Analysis): string[] {
  const { table, columns } = facts;
  const findings = [
    `${count(table.rows)} rows in ${count(table.columns)} columns; ${count(table.missing)} cells are empty or say that they are.`,
  ];
  for (const column of columns) {
    if (column.type === 'date') {
      findings.push(`"${column.name}" runs from ${column.first} to ${column.last}.`);
    }
  }
  const [grouping] = facts.groups;
  const [largest] = grouping?.rows ?? [];
  if (grouping && largest) {
    findings.push(
      `The largest of ${count(grouping.distinct)} groups by "${grouping.by}" is "${largest.value}" with ${count(largest.count)} rows (${share(largest.count, table.rows)}).`,
    );
  }
  findings.push(...columns.filter(isMeasure).slice(0, 4).map(describeMeasure));
  const [pair] = facts.correlations;
  if (pair) {
    findings.push(
      `"${pair.a}" and "${pair.b}" go together with r = ${number(pair.r)} (${count(pair.count)} rows).`,
    );
  }
  return findings;
}

type Measure = Extract<ColumnFact, { type: 'number' }>;

function isMeasure(column: ColumnFact): column is Measure {
  return column.type === 'number' && !column.isIdentifier;
}

function describeMeasure(column: Measure): string {
  return `"${column.name}" has a mean of ${number(column.mean)} and a median of ${number(column.median)}, between ${number(column.min)} and ${number(column.max)}.`;
}

function sectionsOf(analysis: Analysis, isOneOfMany: boolean): string[] {
  const { facts, file, script } = analysis;
  const numbers = facts.columns.filter((column) => column.type === 'number');
  const texts = facts.columns.filter((column) => column.type === 'text');
  const dates = facts.columns.filter((column) => column.type === 'date');
  const unlisted = facts.table.columns - facts.columns.length;
  return [
    ...(isOneOfMany ? [`## ${baseName(file)}`] : []),
    `The figures come from \`${script}\`, run in the sandbox over \`${file}\` (${count(facts.table.bytes)} bytes).`,
    heading('Findings'),
    list(findingsOf(analysis)),
    ...section('Numbers', numbers, () =>
      table(
        ['column', 'filled', 'missing', 'min', 'mean', 'median', 'max', 'sum', 'deviation'],
        numbers.map((column) => [
          column.isIdentifier ? `${column.name} (looks like an identifier)` : column.name,
          count(column.filled),
          count(column.missing),
          number(column.min),
          number(column.mean),
          number(column.median),
          number(column.max),
          number(column.sum),
          number(column.deviation),
        ]),
      ),
    ),
    ...section('Dates', dates, () =>
      table(
        ['column', 'filled', 'missing', 'first', 'last', 'different days'],
        dates.map((column) => [
          column.name,
          count(column.filled),
          count(column.missing),
          column.first,
          column.last,
          count(column.distinct),
        ]),
      ),
    ),
    ...section('Texts', texts, () =>
      table(
        ['column', 'filled', 'missing', 'different', 'most frequent'],
        texts.map((column) => [
          column.name,
          count(column.filled),
          count(column.missing),
          count(column.distinct),
          column.top.map(([value, times]) => `${value} (${count(times)})`).join(', '),
        ]),
      ),
    ),
    ...facts.groups.flatMap((grouping) => groupingSection(`By "${grouping.by}"`, grouping)),
    ...facts.periods.flatMap((grouping) => groupingSection(`Over time, by "${grouping.by}"`, grouping)),
    ...section('What goes together', facts.correlations, () =>
      list(
        facts.correlations.map(
          ({ a, b, r, count: rows }) => `"${a}" and "${b}": r = ${number(r)} over ${count(rows)} rows`,
        ),
      ),
    ),
    heading('How far the data can be trusted'),
    list([
      `${count(facts.table.duplicates)} rows repeat another one word for word.`,
      `${count(facts.table.uneven)} rows were left out because their fields do not fit the header.`,
      ...texts.flatMap(missingWords),
      ...(unlisted > 0 ? [`${count(unlisted)} more columns are counted but not described.`] : []),
      ...(analysis.repairs.length === 0
        ? ['The script fitted the data at the first run.']
        : analysis.repairs.map((reason) => `Mended on the way: ${reason}`)),
    ]),
  ];
}

/** A frequent word that may mean "nothing here": only a reader can tell, so it is said and not decided. */
function missingWords(column: Extract<ColumnFact, { type: 'text' }>): string[] {
  return column.top.flatMap(([value, times]) =>
    meansMissing(value)
      ? [
          `${count(times)} cells of "${column.name}" read "${value}", which may mean that the value is missing.`,
        ]
      : [],
  );
}

function groupingSection(title: string, grouping: Grouping): string[] {
  const more = grouping.distinct - grouping.rows.length;
  return [
    heading(title),
    table(
      [grouping.by, 'rows', ...grouping.measures.map((name) => `mean of ${name}`)],
      grouping.rows.map((row) => [
        row.value,
        count(row.count),
        ...row.means.map((mean) => (mean === null ? '–' : number(mean))),
      ]),
    ),
    ...(more > 0 ? [`${count(more)} smaller ones are not listed.`] : []),
  ];
}

function section(title: string, items: readonly unknown[], render: () => string): string[] {
  return items.length === 0 ? [] : [heading(title), render()];
}

function heading(title: string): string {
  return `### ${title}`;
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A cell stays in its cell: no line ends, no bars. */
function cellText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function share(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path;
}
