/** The first rows of a table. */
export interface CsvPreview {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** There are more rows than were read. */
  readonly hasMore: boolean;
}

/**
 * Reads the first rows of comma-, semicolon- or tab-separated values (RFC 4180, quotes may hold line breaks). The
 * separator is the one that the first line has most of.
 */
export function parseCsv(text: string, { maxRows }: { readonly maxRows: number }): CsvPreview {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const separator = separatorOf(source.slice(0, source.search(/[\r\n]|$/)));
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < source.length && rows.length <= maxRows) {
    const { value, next } = readValue(source, at, separator);
    row.push(value);
    at = next;
    if (source[at] === separator) {
      at += 1;
      if (at < source.length) continue;
      row.push('');
    }
    if (source[at] === '\r') at += 1;
    if (source[at] === '\n') at += 1;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  const [header = [], ...body] = rows;
  return { header, rows: body.slice(0, maxRows), hasMore: at < source.length || body.length > maxRows };
}

function readValue(source: string, from: number, separator: string): { value: string; next: number } {
  if (source[from] === '"') {
    let value = '';
    for (let at = from + 1; ;) {
      const quote = source.indexOf('"', at);
      if (quote === -1) return { value: value + source.slice(at), next: source.length };
      value += source.slice(at, quote);
      if (source[quote + 1] !== '"') return { value, next: endOfValue(source, quote + 1, separator) };
      value += '"';
      at = quote + 2;
    }
  }
  const next = endOfValue(source, from, separator);
  return { value: source.slice(from, next), next };
}

function endOfValue(source: string, from: number, separator: string): number {
  let at = from;
  while (at < source.length && source[at] !== separator && source[at] !== '\n' && source[at] !== '\r')
    at += 1;
  return at;
}

function separatorOf(line: string): string {
  const separators = [',', ';', '\t'];
  const counts = separators.map((separator) => line.split(separator).length);
  return separators[counts.indexOf(Math.max(...counts))] ?? ',';
}
