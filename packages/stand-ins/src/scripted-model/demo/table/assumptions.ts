/** How a column writes its numbers. `group` is the sign between thousands, empty when there is none. */
export interface NumberFormat {
  readonly decimal: '.' | ',';
  readonly group: '' | ',' | '.' | ' ' | '\u00a0' | "'";
  /** Signs of money or per cent stand around the number. */
  readonly symbols: boolean;
}

export type DateFormat = 'y-m-d' | 'y/m/d' | 'd.m.y' | 'm/d/y' | 'd/m/y';

interface ColumnBase {
  readonly name: string;
  /** Words that stand for "nothing here", beside the empty cell. */
  readonly missing: readonly string[];
  /** Cells that are not of the column's type count as missing. */
  readonly ignoreMisfits?: boolean;
}

export type ColumnAssumption =
  | (ColumnBase & { readonly type: 'text' })
  | (ColumnBase & { readonly type: 'number'; readonly format: NumberFormat })
  | (ColumnBase & { readonly type: 'date'; readonly format: DateFormat });

/** What the analysis script takes for granted of a table, until the data says otherwise. */
export interface Assumptions {
  /** A path relative to the workspace. */
  readonly file: string;
  /** Where the script writes its figures: one JSON value a line. */
  readonly output: string;
  readonly encoding: 'utf-8' | 'windows-1252';
  readonly byteOrderMark: boolean;
  readonly delimiter: string;
  /** `plain` splits lines at the delimiter; `quoted` knows quoted fields. */
  readonly reader: 'plain' | 'quoted';
  /** Quotes are characters like any other: what the plain reader may pass over in silence. */
  readonly literalQuotes: boolean;
  readonly hasHeader: boolean;
  /** What happens to rows with another number of fields than there are columns. */
  readonly unevenRows: 'refuse' | 'leave-out';
  readonly columns: readonly ColumnAssumption[];
}
