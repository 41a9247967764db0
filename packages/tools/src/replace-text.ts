import { decodeBytes, encodingOf, type TextEncoding } from './text-bytes.ts';

export interface ReplaceRequest {
  readonly oldText: string;
  readonly newText: string;
  readonly replaceAll: boolean;
}

export type ReplaceOutcome =
  | {
      readonly outcome: 'replaced';
      readonly bytes: Buffer;
      readonly count: number;
      /** On which lines of the new content the replacements begin, from 1. */
      readonly lines: readonly number[];
      /** Line breaks of both texts were taken as the file's CRLF. */
      readonly isCrlf: boolean;
    }
  | { readonly outcome: 'missing' }
  /** Found more often than once, and not all are to be replaced; where each begins. */
  | { readonly outcome: 'ambiguous'; readonly lines: readonly number[] };

const lineFeed = 0x0a;

/**
 * Replaces text in a file's bytes and keeps every other byte: byte order mark, line ends, characters that are not
 * UTF-8. In a file whose lines all end with CRLF the texts' line breaks mean CRLF. Occurrences that overlap count as
 * several when one is wanted, and are replaced from left to right when all are.
 */
export function replaceText(content: Uint8Array, request: ReplaceRequest): ReplaceOutcome {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const isCrlf = /\n/.test(request.oldText + request.newText) && hasOnlyCrlf(bytes);
  const encoding = encodingFor(bytes, request);
  const encode = (text: string) =>
    Buffer.from(isCrlf ? text.replaceAll(/\r?\n/g, '\r\n') : text, encoding === 'utf-8' ? 'utf8' : 'latin1');
  const [oldBytes, newBytes] = [encode(request.oldText), encode(request.newText)];

  const found = findAll(bytes, oldBytes, request.replaceAll ? oldBytes.length : 1);
  if (found.length === 0) return { outcome: 'missing' };
  if (found.length > 1 && !request.replaceAll)
    return { outcome: 'ambiguous', lines: lineNumbers(bytes, found) };

  const pieces: Buffer[] = [];
  const starts: number[] = [];
  let [at, length] = [0, 0];
  for (const start of found) {
    const kept = bytes.subarray(at, start);
    pieces.push(kept, newBytes);
    starts.push(length + kept.length);
    length += kept.length + newBytes.length;
    at = start + oldBytes.length;
  }
  const result = Buffer.concat([...pieces, bytes.subarray(at)]);
  return {
    outcome: 'replaced',
    bytes: result,
    count: found.length,
    lines: lineNumbers(result, starts),
    isCrlf,
  };
}

/** The file's content as text, for showing it: exact for UTF-8, byte by byte otherwise. */
export function textOf(content: Uint8Array): string {
  return decodeBytes(content, encodingOf(content));
}

/** Texts for a file that is not UTF-8 are Latin-1 as far as they can be. */
function encodingFor(bytes: Buffer, { oldText, newText }: ReplaceRequest): TextEncoding {
  const texts = oldText + newText;
  const isLatin = Buffer.from(texts, 'latin1').toString('latin1') === texts;
  return isLatin ? encodingOf(bytes) : 'utf-8';
}

function hasOnlyCrlf(bytes: Buffer): boolean {
  let at = bytes.indexOf(lineFeed);
  if (at === -1) return false;
  for (; at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    if (at === 0 || bytes[at - 1] !== 0x0d) return false;
  }
  return true;
}

function findAll(bytes: Buffer, wanted: Buffer, step: number): number[] {
  const found: number[] = [];
  if (wanted.length === 0) return found;
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + step)) found.push(at);
  return found;
}

/** `positions` ascend. */
function lineNumbers(bytes: Buffer, positions: readonly number[]): number[] {
  let [line, at] = [1, 0];
  return positions.map((position) => {
    for (let next = bytes.indexOf(lineFeed, at); next !== -1 && next < position;) {
      line += 1;
      at = next + 1;
      next = bytes.indexOf(lineFeed, at);
    }
    return line;
  });
}
