/** One record; `line` is where it begins, from 1. */
export interface TableRecord {
  readonly line: number;
  readonly raw: string;
  readonly fields: readonly string[];
}

export function readRecords(
  text: string,
  delimiter: string,
): {
  readonly records: readonly TableRecord[];
  readonly problems: readonly { readonly kind: string; readonly line: number; readonly record: string }[];
};
