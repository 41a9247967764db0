import type { Assumptions, ColumnAssumption, DateFormat, NumberFormat } from './assumptions.ts';
import { parseDate } from './script/parse-date.mjs';
import { parseNumber } from './script/parse-number.mjs';
import { readRecords } from './script/read-quoted.mjs';

/** Words by which tables say "no value". */
const wordsForMissing = new Set([
  'na',
  'n/a',
  '#n/a',
  'nan',
  'null',
  'nil',
  'none',
  'missing',
  'unknown',
  '-',
  '--',
  '?',
  '.',
  '…',
  '–',
]);

/** True for a cell that means "no value" wherever a number or a date is expected. */
export function meansMissing(cell: string): boolean {
  return cell === '' || wordsForMissing.has(cell.toLowerCase());
}

/** The first lines of a table, and what the tool that showed them remarked. */
export interface TableSample {
  readonly lines: readonly string[];
  readonly hasByteOrderMark: boolean;
  readonly encoding: Assumptions['encoding'];
}

/**
 * What the first lines of a table suggest: delimiter, quotes, header and the columns' types. Null when they are no table
 * (fewer than two lines, or none of the delimiters parts them evenly).
 */
export function inferAssumptions(
  file: string,
  { lines: sample, hasByteOrderMark, encoding }: TableSample,
): Omit<Assumptions, 'output'> | null {
  const hasBom = hasByteOrderMark || (sample[0]?.startsWith('\uFEFF') ?? false);
  const text = sample
    .join('\n')
    .replace(/^\uFEFF/, '')
    .trimEnd();
  const delimiter = inferDelimiter(text, file);
  if (delimiter === null) return null;
  const records = readRecords(text, delimiter).records.filter(({ raw }) => raw.trim() !== '');
  const width = records[0]?.fields.length ?? 0;
  const rows = records
    .filter(({ fields }) => fields.length === width)
    .map(({ fields }) => fields.map((field) => field.trim()));
  const [first, ...others] = rows;
  if (first === undefined || others.length === 0) return null;
  const hasHeader = isHeader(first, others);
  const body = hasHeader ? others : rows;
  return {
    file,
    encoding,
    byteOrderMark: hasBom,
    delimiter,
    reader: text.includes('"') ? 'quoted' : 'plain',
    literalQuotes: false,
    hasHeader,
    unevenRows: 'refuse',
    columns: first.map((cell, index) =>
      inferColumn(
        hasHeader ? cell : `column ${index + 1}`,
        body.map((row) => row[index] ?? ''),
      ),
    ),
  };
}

/** The sign that parts most lines into the same number of fields; a one-column file is parted by none. */
function inferDelimiter(text: string, file: string): string | null {
  const candidates = [',', ';', '\t', '|'].flatMap((delimiter) => {
    const records = readRecords(text, delimiter).records.filter(({ raw }) => raw.trim() !== '');
    const width = records[0]?.fields.length ?? 0;
    const even = records.filter(({ fields }) => fields.length === width).length;
    return width > 1 && even >= 2 && even >= records.length * 0.6 ? [{ delimiter, width, even }] : [];
  });
  candidates.sort((a, b) => b.even - a.even || b.width - a.width);
  if (candidates[0]) return candidates[0].delimiter;
  if (text.split('\n').length < 2) return null;
  return /\.(tsv|tab)$/i.test(file) ? '\t' : ',';
}

/** A header names its columns: all filled, all different, none a number. */
function isHeader(first: readonly string[], others: readonly (readonly string[])[]): boolean {
  const names = new Set(first);
  if (names.size !== first.length || names.has('')) return false;
  if (first.some((cell) => formatOf([cell]) !== null || dateFormatOf([cell]) !== null)) return false;
  return others.every((row) => row.join() !== first.join());
}

function inferColumn(name: string, cells: readonly string[]): ColumnAssumption {
  const filled = cells.filter((cell) => !meansMissing(cell));
  const missing = [...new Set(cells.filter((cell) => cell !== '' && meansMissing(cell)))];
  if (filled.length > 0) {
    const format = formatOf(filled);
    if (format) return { name, type: 'number', format, missing };
    const dateFormat = dateFormatOf(filled);
    if (dateFormat) return { name, type: 'date', format: dateFormat, missing };
  }
  return { name, type: 'text', missing: [] };
}

const groups = ['', ',', '.', ' ', '\u00a0', "'"] as const;

/** The first format in which all cells are numbers, the plainest tried first. */
export function formatOf(cells: readonly string[]): NumberFormat | null {
  for (const symbols of [false, true]) {
    for (const decimal of ['.', ','] as const) {
      for (const group of groups) {
        if (group === decimal) continue;
        const format = { decimal, group, symbols };
        if (cells.every((cell) => parseNumber(cell, format) !== null)) return format;
      }
    }
  }
  return null;
}

const dateFormats: readonly DateFormat[] = ['y-m-d', 'y/m/d', 'd.m.y', 'm/d/y', 'd/m/y'];

/** The first format in which all cells are days. */
export function dateFormatOf(cells: readonly string[]): DateFormat | null {
  return dateFormats.find((format) => cells.every((cell) => parseDate(cell, format) !== null)) ?? null;
}
