/** A random table with its truth: what a report on it has to say. */
export interface RandomTable {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly columns: readonly RandomColumn[];
}

export type RandomColumn =
  | { readonly name: string; readonly kind: 'number'; readonly values: readonly (number | null)[] }
  | { readonly name: string; readonly kind: 'text'; readonly values: readonly (string | null)[] }
  | { readonly name: string; readonly kind: 'date'; readonly values: readonly (string | null)[] };

/** How a table is written down. */
export interface Dialect {
  readonly delimiter: string;
  readonly lineEnd: '\n' | '\r\n';
  readonly byteOrderMark: boolean;
  readonly encoding: 'utf-8' | 'latin1';
  /** `1234.5` or `1.234,5`. */
  readonly numbers: 'plain' | 'comma';
  readonly dates: 'y-m-d' | 'd.m.y';
  /** What stands for nothing from `surpriseFrom` on; before it the cell is empty. */
  readonly wordForMissing: string;
  /** From this row on texts hold delimiters, quotes and line ends, and are quoted for it. */
  readonly quotedTextsFrom: number;
  readonly surpriseFrom: number;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Makes a table of two number columns, a text column of few values, one of free text and a date column, in random order. */
export function randomTable(seed: number, dialect: Dialect): RandomTable {
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const word = () => Array.from({ length: 4 + below(6) }, () => letters[below(letters.length)]).join('');
  const rows = 150 + below(200);
  const maybe = <Value>(value: Value) => (random() < 0.08 ? null : value);
  const column = <Value>(make: (row: number) => Value) =>
    Array.from({ length: rows }, (_, row) => maybe(make(row)));
  const kinds = Array.from({ length: 3 + below(5) }, word);
  const columns: RandomColumn[] = [
    { name: word(), kind: 'number', values: column(() => below(9_000_000) / 100 - 10_000) },
    { name: word(), kind: 'number', values: column(() => below(500)) },
    { name: word(), kind: 'text', values: column(() => kinds[below(kinds.length)] ?? '') },
    {
      name: word(),
      kind: 'text',
      values: column((row) => {
        const plain = `${word()} ${word()}`;
        if (row < dialect.quotedTextsFrom || random() < 0.5) return plain;
        return (
          [`${plain}${dialect.delimiter} ${word()}`, `${plain} "${word()}"`, `${plain}\n${word()}`][
            below(3)
          ] ?? plain
        );
      }),
    },
    {
      name: word(),
      kind: 'date',
      values: column(() =>
        new Date(Date.UTC(1990 + below(30), below(12), 1 + below(28))).toISOString().slice(0, 10),
      ),
    },
  ];
  columns.sort(() => random() - 0.5);
  // The first rows are whole, so that the types can be seen.
  const whole = columns.map(
    (one) =>
      ({
        ...one,
        values: one.values.map((value, row) =>
          row < 3 ? (value ?? one.values.find((other) => other !== null) ?? null) : value,
        ),
      }) as RandomColumn,
  );
  return { bytes: encode(whole, rows, dialect), rows, columns: whole };
}

const letters = 'abcdefghijklmnopqrstuvwxyzäöüé';

function encode(columns: readonly RandomColumn[], rows: number, dialect: Dialect): Uint8Array {
  const lines = [columns.map(({ name }) => name)];
  for (let row = 0; row < rows; row += 1) {
    lines.push(columns.map((column) => quote(cellOf(column, row, dialect), dialect)));
  }
  const text = lines.map((cells) => cells.join(dialect.delimiter)).join(dialect.lineEnd) + dialect.lineEnd;
  return Buffer.from(dialect.byteOrderMark ? `\uFEFF${text}` : text, dialect.encoding);
}

function cellOf(column: RandomColumn, row: number, dialect: Dialect): string {
  const value = column.values[row] ?? null;
  if (value === null)
    return column.kind !== 'text' && row >= dialect.surpriseFrom ? dialect.wordForMissing : '';
  if (typeof value === 'number') {
    return dialect.numbers === 'plain'
      ? String(value)
      : value.toLocaleString('de-DE', { maximumFractionDigits: 2 });
  }
  return column.kind === 'date' && dialect.dates === 'd.m.y'
    ? value.split('-').toReversed().join('.')
    : value;
}

function quote(cell: string, { delimiter }: Dialect): string {
  return cell.includes(delimiter) || /["\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
