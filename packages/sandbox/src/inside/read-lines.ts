import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isWithin } from './walk-files.ts';

/** Lines of a file as one text; the line breaks between them are in it, the last one need not be. */
export interface LineBlock {
  readonly text: string;
  /** Of the first line in it, from 1. */
  readonly firstLine: number;
  readonly lineCount: number;
}

const blockBytes = 1024 * 1024;
/** Of a longer line the rest is passed over. */
export const maxLineBytes = 16 * 1024 * 1024;
/** How far git looks for a NUL byte to tell binary from text. */
const probedBytes = 8000;

export type OpenedText =
  | { readonly kind: 'text'; readonly blocks: Generator<LineBlock> }
  | { readonly kind: 'binary' | 'unreadable' };

/** Opens a file that is none of the system's devices, and no link out of `root`. The caller takes all blocks or calls `return`. */
export function openText(path: string, root: string): OpenedText {
  let descriptor: number;
  try {
    // A pipe would wait for somebody who writes.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return { kind: 'unreadable' };
  }
  try {
    if (!fstatSync(descriptor).isFile() || !isWithin(descriptor, root)) {
      closeSync(descriptor);
      return { kind: 'unreadable' };
    }
    const first = readPiece(descriptor);
    if (first.subarray(0, probedBytes).includes(0)) {
      closeSync(descriptor);
      return { kind: 'binary' };
    }
    return { kind: 'text', blocks: blocksOf(descriptor, first) };
  } catch {
    closeSync(descriptor);
    return { kind: 'unreadable' };
  }
}

function readPiece(descriptor: number): Buffer {
  const piece = Buffer.allocUnsafe(blockBytes);
  return piece.subarray(0, readSync(descriptor, piece, 0, blockBytes, null));
}

function* blocksOf(descriptor: number, first: Buffer): Generator<LineBlock> {
  let firstLine = 1;
  let carried: Buffer[] = [];
  let carriedBytes = 0;

  function block(bytes: Buffer): LineBlock {
    const text = textOf(bytes);
    const lineCount = countLineEnds(text) + (text.endsWith('\n') ? 0 : 1);
    const made = { text, firstLine, lineCount };
    firstLine += lineCount;
    return made;
  }

  try {
    for (let piece = first; piece.length > 0; piece = readPiece(descriptor)) {
      const end = piece.lastIndexOf(0x0a) + 1;
      if (end === 0) {
        const rest = piece.subarray(0, Math.max(0, maxLineBytes - carriedBytes));
        if (rest.length > 0) carried.push(rest);
        carriedBytes += rest.length;
        continue;
      }
      let from = 0;
      if (carriedBytes >= maxLineBytes) {
        // The line that was too long ends here; what is known of it is a block of its own.
        from = piece.indexOf(0x0a) + 1;
        yield block(Buffer.concat([...carried, Buffer.from('\n')]));
        carried = [];
      }
      if (end > from) yield block(Buffer.concat([...carried, piece.subarray(from, end)]));
      carried = end < piece.length ? [piece.subarray(end)] : [];
      carriedBytes = piece.length - end;
    }
    if (carriedBytes > 0) yield block(Buffer.concat(carried));
  } finally {
    closeSync(descriptor);
  }
}

function countLineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Lines that are not UTF-8 are taken for Latin-1, each by itself. */
function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const lines: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.subarray(at, end === -1 ? bytes.length : end + 1);
    lines.push(line.toString(isUtf8(line) ? 'utf8' : 'latin1'));
    at += line.length;
  }
  return lines.join('');
}
