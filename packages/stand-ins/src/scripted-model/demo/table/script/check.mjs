// @ts-nocheck -- untyped on purpose: a part of a script that runs in the sandbox
// oxlint-disable no-undef, no-unused-vars -- part of a script: what it uses stands in the parts before it
const { columns } = assumptions;
const problems = [];
const bytes = readFileSync(assumptions.file);
let text = decode(bytes);
if (text.startsWith('\uFEFF')) {
  if (!assumptions.byteOrderMark) problems.push({ kind: 'byte-order-mark', line: 1 });
  text = text.slice(1);
}
const read = readRecords(text, assumptions.delimiter);
const misread = read.problems.filter(({ kind }) => kind !== 'quotes' || !assumptions.literalQuotes);
problems.push(...misread.map((problem) => ({ ...problem, record: shorten(problem.record) })));
const records = read.records.filter(({ raw }) => raw.trim() !== '');
if (assumptions.hasHeader) checkHeader(records.shift());
const rows = records.filter(({ fields }) => fields.length === columns.length).map(({ fields }) => fields);
const uneven = records.filter(({ fields }) => fields.length !== columns.length);
if (uneven.length > 0 && assumptions.unevenRows === 'refuse') {
  const [{ line, raw, fields }] = uneven;
  const found = { expected: columns.length, found: fields.length, count: uneven.length, of: records.length };
  problems.push({ kind: 'field-count', line, record: shorten(raw), ...found });
}
const values = columns.map((column, index) => readColumn(column, index));

function decode(content) {
  try {
    return new TextDecoder(assumptions.encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    problems.push({ kind: 'encoding', line: 0 });
    return new TextDecoder('windows-1252', { ignoreBOM: true }).decode(content);
  }
}

function checkHeader(header) {
  const found = header?.fields.map((field) => field.trim()) ?? [];
  const expected = columns.map(({ name }) => name);
  if (JSON.stringify(found) !== JSON.stringify(expected)) problems.push({ kind: 'header', line: 1, found });
}

/** The column's cells as numbers, days or texts, null where nothing is; what does not fit its type is a problem. */
function readColumn(column, index) {
  const misfits = new Map();
  let count = 0;
  let filled = 0;
  const fitting = new Set();
  const cells = rows.map((fields) => {
    const cell = fields[index].trim();
    if (cell === '' || column.missing.includes(cell)) return null;
    filled += 1;
    if (column.type === 'text') return cell;
    const value =
      column.type === 'number' ? parseNumber(cell, column.format) : parseDate(cell, column.format);
    if (value === null) {
      count += 1;
      if (misfits.size < 8) misfits.set(cell, (misfits.get(cell) ?? 0) + 1);
      return null;
    }
    if (/[^\d]/.test(cell) && fitting.size < 8) fitting.add(cell);
    return value;
  });
  if (count > 0 && !column.ignoreMisfits) {
    const examples = [...misfits.keys()].map((example) => shorten(example));
    problems.push({
      kind: 'misfit',
      column: index,
      type: column.type,
      count,
      of: filled,
      examples,
      fitting: [...fitting],
    });
  }
  return cells;
}

function shorten(value) {
  return value.length > 80 ? `${value.slice(0, 80)}…` : value;
}
