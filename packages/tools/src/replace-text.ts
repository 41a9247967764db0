import { decodeBytes, encodeText, encodingOf, isEncodable, type TextEncoding } from './text-bytes.ts';

/** How often the text must occur: exactly so often, or any number of times. */
export type WantedCount = number | 'all';

export interface ReplaceRequest {
  readonly oldText: string;
  readonly newText: string;
  readonly count: WantedCount;
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
  /** Found another number of times than it was to be; where each begins. */
  | { readonly outcome: 'miscounted'; readonly lines: readonly number[] }
  /** The new content would be larger than `maxResultBytes`. */
  | { readonly outcome: 'oversized' }
  /** The file is Latin-1 there, and the new text has characters that it cannot hold. */
  | { readonly outcome: 'unencodable'; readonly characters: string };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const maxNamedCharacters = 10;
/** A short text may occur millions of times, and the new one be long. */
export const maxResultBytes = 64 * 1024 * 1024;

/**
 * Replaces text in a file's bytes and keeps every other byte: byte order mark, line ends, characters that are not
 * UTF-8. In a file whose lines all end with CRLF the texts' line breaks mean CRLF. Occurrences that overlap count as
 * several when one is wanted, and are replaced from left to right when several are.
 */
export function replaceText(content: Uint8Array, request: ReplaceRequest): ReplaceOutcome {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const isCrlf = /\n/.test(request.oldText + request.newText) && hasOnlyCrlf(bytes);
  const inFile = (text: string) => (isCrlf ? text.replaceAll(/\r?\n/g, '\r\n') : text);
  const [oldText, newText] = [inFile(request.oldText), inFile(request.newText)];

  const place = find(bytes, oldText, request.count);
  if (!place) return { outcome: 'missing' };
  const { encoding, found, length } = place;
  const wanted = request.count === 'all' ? found.length : request.count;
  if (found.length !== wanted) return { outcome: 'miscounted', lines: lineNumbers(bytes, found) };
  if (!isEncodable(newText, encoding)) {
    const characters = new Set(Array.from(newText).filter((character) => !isEncodable(character, encoding)));
    return { outcome: 'unencodable', characters: [...characters].slice(0, maxNamedCharacters).join(' ') };
  }
  const added = encodeText(newText, encoding);
  if (bytes.length + found.length * (added.length - length) > maxResultBytes) return { outcome: 'oversized' };
  const { result, starts } = splice(bytes, { found, length, added });
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

/** A file that is not UTF-8 throughout may be so where the text is. */
function find(
  bytes: Buffer,
  text: string,
  count: WantedCount,
): { readonly encoding: TextEncoding; readonly found: readonly number[]; readonly length: number } | null {
  const encodings: readonly TextEncoding[] = encodingOf(bytes) === 'utf-8' ? ['utf-8'] : ['latin-1', 'utf-8'];
  for (const encoding of encodings) {
    if (!isEncodable(text, encoding)) continue;
    const wanted = encodeText(text, encoding);
    const found = findAll(bytes, wanted, count === 1 ? 1 : wanted.length);
    if (found.length > 0) return { encoding, found, length: wanted.length };
  }
  return null;
}

/** One copy into its place: a file may hold millions of occurrences. */
function splice(
  bytes: Buffer,
  {
    found,
    length,
    added,
  }: { readonly found: readonly number[]; readonly length: number; readonly added: Buffer },
): { readonly result: Buffer; readonly starts: readonly number[] } {
  const result = Buffer.allocUnsafe(bytes.length + found.length * (added.length - length));
  let [at, size] = [0, 0];
  const starts = found.map((position) => {
    size += bytes.copy(result, size, at, position);
    const start = size;
    size += added.copy(result, size);
    at = position + length;
    return start;
  });
  bytes.copy(result, size, at);
  return { result, starts };
}

/** Whether there are lines and all of them end with CRLF. */
export function hasOnlyCrlf(bytes: Buffer): boolean {
  let at = bytes.indexOf(lineFeed);
  if (at === -1) return false;
  for (; at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    if (at === 0 || bytes[at - 1] !== carriageReturn) return false;
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
  let line = 1;
  let next = bytes.indexOf(lineFeed);
  return positions.map((position) => {
    while (next !== -1 && next < position) {
      line += 1;
      next = bytes.indexOf(lineFeed, next + 1);
    }
    return line;
  });
}
