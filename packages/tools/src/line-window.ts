import type { NumberedLine } from './numbered-lines.ts';
import { byteOrderMark, decodeBytes, encodingOf, type TextEncoding, wholeCharacters } from './text-bytes.ts';

export interface LineWindowOptions {
  /** The number of the line with which the first piece begins: 1 at the beginning of the file. */
  readonly firstLine: number;
  /** The number of the first line that is wanted, from 1. */
  readonly offset: number;
  /** How many lines at most. */
  readonly limit: number;
  /** Of all lines together; the first line is given in any case. */
  readonly maxBytes: number;
  /** Of one line; what is longer is cut. Not above `maxBytes`. */
  readonly maxLineBytes: number;
}

export interface LinesRead {
  readonly lines: readonly NumberedLine[];
  /** Where to go on; null when the last line of the file was reached. */
  readonly nextOffset: number | null;
  /** Null when the end of the file was not reached. */
  readonly totalLines: number | null;
  readonly endsWithNewline: boolean;
  /** Of these lines; in a mixed page those that end with CRLF are marked. */
  readonly lineEnds: 'lf' | 'crlf' | 'mixed';
  readonly hasByteOrderMark: boolean;
  readonly encoding: TextEncoding;
}

/** Picks a range of lines out of a file that comes in pieces; holds no more than it gives. */
export interface LineWindow {
  /** Takes the next piece. False when no further piece is wanted. */
  push(piece: Uint8Array): boolean;
  /** Gives up the line that is being read, to be the next page's first; false when it would be this page's. */
  leaveOff(): boolean;
  /** Call once: when `push` said false, or at the end of the file. */
  finish(): LinesRead;
}

interface RawLine {
  readonly number: number;
  readonly bytes: Buffer;
  readonly leftOut: number;
  /** False for the last line of a file that ends without a line end. */
  readonly isEnded: boolean;
}

/** Stands for the carriage return of a line among others that end without one. */
export const returnMark = '␍';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export function createLineWindow(options: LineWindowOptions): LineWindow {
  const taken: RawLine[] = [];
  let takenBytes = 0;
  /** Of the line that is being read. */
  let number = options.firstLine;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let lineBytes = 0;
  let nextOffset: number | null = null;

  const isFull = () => taken.length === options.limit || nextOffset !== null;

  function add(bytes: Buffer): void {
    lineBytes += bytes.length;
    if (number < options.offset || bytes.length === 0) return;
    // One more than is shown, so that a carriage return at the very end is seen as such.
    const rest = options.maxLineBytes + 1 - keptBytes;
    if (rest <= 0) return;
    const piece = Buffer.from(bytes.subarray(0, rest));
    kept.push(piece);
    keptBytes += piece.length;
  }

  function endLine(isEnded = true): void {
    if (number >= options.offset) {
      const bytes = Buffer.concat(kept).subarray(0, Math.min(keptBytes, maxShown()));
      if (taken.length > 0 && takenBytes + bytes.length > options.maxBytes) {
        nextOffset = number;
        return;
      }
      taken.push({ number, bytes, leftOut: lineBytes - bytes.length, isEnded });
      takenBytes += bytes.length;
    }
    number += 1;
    kept = [];
    keptBytes = 0;
    lineBytes = 0;
  }

  /** A line that is exactly too long by its carriage return is whole without it. */
  function maxShown(): number {
    const isWholeWithReturn = lineBytes === options.maxLineBytes + 1 && keptBytes === lineBytes;
    return isWholeWithReturn && kept.at(-1)?.at(-1) === carriageReturn ? lineBytes : options.maxLineBytes;
  }

  return {
    push(piece) {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      let at = 0;
      while (at < bytes.length) {
        if (isFull()) {
          nextOffset ??= number;
          return false;
        }
        const end = bytes.indexOf(lineFeed, at);
        add(bytes.subarray(at, end === -1 ? bytes.length : end));
        if (end === -1) return true;
        at = end + 1;
        endLine();
      }
      return nextOffset === null;
    },
    leaveOff() {
      if (taken.length === 0) return false;
      nextOffset = number;
      return true;
    },
    finish() {
      const endsWithNewline = lineBytes === 0;
      if (nextOffset === null && !endsWithNewline) endLine(false);
      const totalLines = nextOffset === null ? number - 1 : null;
      return { ...describe(taken), nextOffset, totalLines, endsWithNewline };
    },
  };
}

function describe(
  lines: readonly RawLine[],
): Omit<LinesRead, 'nextOffset' | 'totalLines' | 'endsWithNewline'> {
  const whole = lines.map(({ bytes, leftOut }) =>
    leftOut > 0 ? bytes.subarray(0, wholeCharacters(bytes)) : bytes,
  );
  const encoding = whole.every((bytes) => encodingOf(bytes) === 'utf-8') ? 'utf-8' : 'latin-1';
  const isCrlf = ({ bytes, leftOut, isEnded }: RawLine) =>
    isEnded && leftOut === 0 && bytes.at(-1) === carriageReturn;
  const isLf = (line: RawLine) => line.isEnded && line.leftOut === 0 && !isCrlf(line);
  const lineEnds = !lines.some(isCrlf) ? 'lf' : lines.some(isLf) ? 'mixed' : 'crlf';
  let hasByteOrderMark = false;
  const shown = lines.map((line, index) => {
    const { number, bytes, leftOut } = line;
    const exact = encoding === 'utf-8' ? (whole[index] ?? bytes) : bytes;
    let text = decodeBytes(isCrlf(line) ? exact.subarray(0, -1) : exact, encoding);
    if (isCrlf(line) && lineEnds === 'mixed') text += returnMark;
    if (number === 1 && text.startsWith(byteOrderMark)) {
      hasByteOrderMark = true;
      text = text.slice(1);
    }
    const rest = leftOut + (bytes.length - exact.length);
    return {
      number,
      text: rest > 0 ? `${text}${cutMark({ number, rest, column: exact.length + 1 })}` : text,
    };
  });
  return { lines: shown, lineEnds, hasByteOrderMark, encoding };
}

/** Ends a line that is cut, and says how its rest can be read. */
function cutMark({
  number,
  rest,
  column,
}: {
  readonly number: number;
  readonly rest: number;
  readonly column: number;
}): string {
  return ` [… ${rest} more bytes in this line: go on with offset ${number} and column ${column}]`;
}
