import { byteOrderMark, decodeBytes, encodingOf, wholeCharacters } from './text-bytes.ts';

/** A piece of one long line. */
export interface LinePart {
  readonly text: string;
  /** Of the first and the last byte that is shown, from 1. */
  readonly firstColumn: number;
  readonly lastColumn: number;
  /** Null when the line ends here. */
  readonly nextColumn: number | null;
  readonly lineEnd: 'lf' | 'crlf' | 'none';
  readonly encoding: 'utf-8' | 'latin-1';
}

/** What must be read for a part: two bytes more, for the line end that may follow. */
export const bytesForPart = (maxBytes: number): number => maxBytes + 2;

/**
 * Cuts a piece of a line out of what stands in the file from `column` on, between characters. Null when the line ends
 * before the column.
 */
export function cutLinePart(
  bytes: Uint8Array,
  {
    line,
    column,
    maxBytes,
    isFileEnd,
  }: {
    readonly line: number;
    readonly column: number;
    readonly maxBytes: number;
    /** Nothing follows these bytes. */
    readonly isFileEnd: boolean;
  },
): LinePart | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf(0x0a);
  const isCrlf = end > 0 && buffer[end - 1] === 0x0d;
  const whole = buffer.subarray(0, end === -1 ? buffer.length : isCrlf ? end - 1 : end);
  if (whole.length === 0 && column > 1) return null;
  const isComplete = whole.length <= maxBytes && (end !== -1 || isFileEnd);
  const piece = whole.subarray(0, maxBytes);
  const cut = isComplete ? piece : piece.subarray(0, wholeCharacters(piece));
  const encoding = encodingOf(cut);
  const shown = isComplete || encoding === 'utf-8' ? cut : piece;
  const text = decodeBytes(shown, encoding);
  return {
    text: line === 1 && column === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text,
    firstColumn: column,
    lastColumn: column + shown.length - 1,
    nextColumn: isComplete ? null : column + shown.length,
    lineEnd: end === -1 ? 'none' : isCrlf ? 'crlf' : 'lf',
    encoding,
  };
}
