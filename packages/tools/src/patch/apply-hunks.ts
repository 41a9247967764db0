import {
  byteOrderMark,
  decodeBytes,
  encodeText,
  encodingOf,
  isEncodable,
  type TextEncoding,
} from '../text-bytes.ts';
import type { Hunk, PatchLine } from './file-patch.ts';
import { findPlace, type Place, withoutReturn } from './find-place.ts';

export type HunksOutcome =
  | {
      readonly outcome: 'applied';
      readonly bytes: Buffer;
      readonly added: number;
      readonly removed: number;
      /** On which lines of the new content the hunks begin, from 1. */
      readonly lines: readonly number[];
      /** Some hunks fit only when blanks at line ends were left out of account. */
      readonly isLoose: boolean;
    }
  /** A sentence or more for each hunk that does not fit, of the first few. */
  | { readonly outcome: 'refused'; readonly faults: readonly string[] };

/** Each hunk is looked for in all lines: this keeps it to about a second, for it holds up the event loop. */
const maxComparisons = 50_000_000;
/** Explained; what else does not fit is counted. */
const maxFaults = 5;

/** A file's lines without line feeds; carriage returns are theirs. */
interface Lines {
  readonly lines: readonly string[];
  readonly hasFinalEnd: boolean;
  readonly hasMark: boolean;
  readonly isCrlf: boolean;
  readonly encoding: TextEncoding;
}

/**
 * Applies hunks in their order and keeps every byte of the lines that they do not name: byte order mark, line ends,
 * characters that are not UTF-8. Lines that are added end as their neighbours do. A hunk goes where its kept and
 * removed lines stand together below the one before it: at the place that its header names, else where it is the only
 * one, below its anchors the first.
 */
export function applyHunks(content: Uint8Array, hunks: readonly Hunk[]): HunksOutcome {
  const file = linesOf(content);
  if (file.lines.length * hunks.length > maxComparisons) {
    const size = `${file.lines.length} lines are too many for a patch of ${hunks.length} hunks`;
    return { outcome: 'refused', faults: [`${size}; make it smaller, or use a script in shell.`] };
  }
  const plain = file.lines.map(withoutReturn);
  const places: Place[] = [];
  const faults: string[] = [];
  let [from, drift] = [0, 0];
  for (const hunk of hunks) {
    const encoded = inEncoding(hunk, file.encoding);
    const place = encoded
      ? findPlace(plain, encoded, { from, drift })
      : 'the file is Latin-1, which has not all of its characters.';
    if (typeof place === 'string') {
      faults.push(`${hunk.name}: ${place}`);
      if (faults.length === maxFaults) break;
    } else {
      places.push(place);
      from = place.start + place.length;
      if (hunk.position !== null) drift = place.start - hunk.position;
    }
  }
  if (faults.length > 0) return { outcome: 'refused', faults };
  return { outcome: 'applied', ...rebuild(file, places) };
}

function linesOf(content: Uint8Array): Lines {
  const encoding = encodingOf(content);
  const text = decodeBytes(content, encoding);
  const hasMark = text.startsWith(byteOrderMark);
  const lines = (hasMark ? text.slice(1) : text).split('\n');
  const hasFinalEnd = lines.at(-1) === '';
  if (hasFinalEnd) lines.pop();
  const ended = hasFinalEnd ? lines : lines.slice(0, -1);
  return {
    lines,
    hasFinalEnd,
    hasMark,
    isCrlf: ended.length > 0 && ended.every((line) => line.endsWith('\r')),
    encoding,
  };
}

/** The hunk as it is read in that encoding; a file that is not UTF-8 may be so where the hunk is. */
function inEncoding(hunk: Hunk, encoding: TextEncoding): Hunk | null {
  if (encoding === 'utf-8') return hunk;
  const old = hunk.lines.filter(({ kind }) => kind !== 'add');
  const fits = ({ text }: PatchLine) => isEncodable(text, encoding);
  if (hunk.lines.every(fits) && hunk.anchors.every((text) => isEncodable(text, encoding))) return hunk;
  if (old.every(fits)) return null;
  const asBytes = (text: string) => decodeBytes(encodeText(text, 'utf-8'), encoding);
  return {
    ...hunk,
    anchors: hunk.anchors.map(asBytes),
    lines: hunk.lines.map(({ kind, text }) => ({ kind, text: asBytes(text) })),
  };
}

/** The new file. What a hunk keeps is taken from the file, not from the hunk. */
function rebuild(file: Lines, places: readonly Place[]) {
  const result: string[] = [];
  const starts: number[] = [];
  let [at, added, removed] = [0, 0, 0];
  /** The line that was the last one and had no end, and one whose carriage return is ours: they may change places. */
  let [unended, returned] = [-1, -1];

  function copyTo(end: number): void {
    for (; at < end; at += 1) {
      if (!file.hasFinalEnd && at === file.lines.length - 1) unended = result.length;
      result.push(file.lines[at] ?? '');
    }
  }

  const isExplicit = namesLineEnds(file, places);
  for (const { start, hunk } of places) {
    copyTo(start);
    starts.push(result.length + 1);
    for (const { kind, text } of hunk.lines) {
      if (kind === 'keep') copyTo(at + 1);
      else if (kind === 'remove') {
        at += 1;
        removed += 1;
      } else {
        const isCrlf = file.isCrlf || (file.lines[Math.max(0, at - 1)] ?? '').endsWith('\r');
        const needsReturn = isCrlf && !isExplicit && !text.endsWith('\r');
        if (needsReturn) returned = result.length;
        result.push(needsReturn ? `${text}\r` : text);
        added += 1;
      }
    }
  }
  copyTo(file.lines.length);

  const hasFinalEnd = finalEnd(file, places);
  const last = result.length - 1;
  if (file.isCrlf && unended !== -1 && (unended < last || hasFinalEnd)) result[unended] += '\r';
  if (!hasFinalEnd && returned === last && last !== -1) result[last] = withoutReturn(result[last] ?? '');
  const text = `${file.hasMark ? byteOrderMark : ''}${result.join('\n')}${hasFinalEnd && last !== -1 ? '\n' : ''}`;
  return {
    bytes: encodeText(text, file.encoding),
    added,
    removed,
    lines: starts,
    isLoose: places.some(({ isLoose }) => isLoose),
  };
}

/** Whether the hunks have carriage returns just where the file has them, and so mean their own in what they add. */
function namesLineEnds(file: Lines, places: readonly Place[]): boolean {
  let count = 0;
  for (const { start, hunk } of places) {
    const old = hunk.lines.filter(({ kind }) => kind !== 'add');
    if (
      old.some(({ text }, index) => text.endsWith('\r') !== (file.lines[start + index] ?? '').endsWith('\r'))
    )
      return false;
    count += old.length;
  }
  return count > 0;
}

function finalEnd(file: Lines, places: readonly Place[]): boolean {
  const said = places.findLast(({ hunk }) => hunk.hasFinalEnd !== null)?.hunk.hasFinalEnd ?? null;
  return said ?? (file.hasFinalEnd || file.lines.length === 0);
}
