import { explainMiss } from '../near-miss.ts';
import { nameLines } from '../numbered-lines.ts';
import type { Hunk, PatchLine } from './file-patch.ts';
import { findLines } from './find-lines.ts';

/** Places that are looked at when a hunk fits at several. */
const maxPlaces = 100;

/** Where a hunk goes in a file. */
export interface Place {
  /** Index of a line. */
  readonly start: number;
  /** Lines of the old file. */
  readonly length: number;
  readonly hunk: Hunk;
  readonly isLoose: boolean;
}

/** A line without the carriage return of a CRLF line end. */
export const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

/**
 * Where the hunk goes among a file's lines, or why it goes nowhere. `from` is the first line that no hunk has taken,
 * `drift` how far the hunk before was from the place that its header names.
 */
export function findPlace(
  plain: readonly string[],
  hunk: Hunk,
  { from, drift }: { readonly from: number; readonly drift: number },
): Place | string {
  let start = from;
  for (const anchor of hunk.anchors) {
    const at = findAnchor(plain, anchor, start);
    if (at === -1) return `no line ${JSON.stringify(anchor)} was found${below(from)} for its "@@".`;
    start = at + 1;
  }
  const expected = hunk.position === null ? null : hunk.position + drift;
  for (const lines of [hunk.lines, withoutBlankEnd(hunk.lines)]) {
    const block = lines.filter(({ kind }) => kind !== 'add').map(({ text }) => withoutReturn(text));
    const shaped: Hunk = { ...hunk, lines };
    if (block.length === 0) return placeOfAddition(plain, shaped, { start, expected });
    const named = hunk.isAtEnd ? plain.length - block.length : expected;
    for (const isLoose of [false, true]) {
      const normal = isLoose ? (line: string) => line.trimEnd() : (line: string) => line;
      const isThere = (at: number): boolean =>
        at >= start &&
        block.every(
          (line, index) =>
            plain[at + index] !== undefined && normal(plain[at + index] ?? '') === normal(line),
        );
      // Before the search, which gives up after so many places.
      if (named !== null && isThere(named))
        return { start: named, length: block.length, hunk: shaped, isLoose };
      if (hunk.isAtEnd) continue;
      const found = findLines(isLoose ? plain.map(normal) : plain, block.map(normal), {
        from: start,
        maxFound: maxPlaces,
      });
      const choice = choose(found, { hunk, expected });
      if (typeof choice === 'string') return choice;
      if (choice !== null) return { start: choice, length: block.length, hunk: shaped, isLoose };
    }
  }
  return explain(plain, hunk, from);
}

/** One of the places, null when there is none, or why none of them can be chosen. */
function choose(
  found: readonly number[],
  { hunk, expected }: { readonly hunk: Hunk; readonly expected: number | null },
): number | string | null {
  if (found.length <= 1 || hunk.anchors.length > 0) return found[0] ?? null;
  const at = nameLines(found.map((start) => start + 1));
  return expected === null
    ? `its lines stand at ${at}. Add lines around them until they are unique, or a line "@@ …" that stands above.`
    : `its lines stand at ${at}, but not at line ${expected + 1} as its header says. Add lines around them until they are unique.`;
}

/** A hunk that only adds: behind the line that its header or its last anchor names, else at the end of the file. */
function placeOfAddition(
  plain: readonly string[],
  hunk: Hunk,
  { start, expected }: { readonly start: number; readonly expected: number | null },
): Place | string {
  const at = expected ?? (hunk.anchors.length > 0 && !hunk.isAtEnd ? start : plain.length);
  if (at < start || at > plain.length)
    return `there is no line ${at} to add it behind; the file has ${plain.length} lines.`;
  return { start: at, length: 0, hunk, isLoose: false };
}

function findAnchor(plain: readonly string[], anchor: string, from: number): number {
  const rest = plain.slice(from);
  for (const normal of [(line: string) => line, (line: string) => line.trim()]) {
    const wanted = normal(withoutReturn(anchor));
    const at = rest.findIndex((line) => normal(line) === wanted);
    if (at !== -1) return from + at;
  }
  return -1;
}

/** Blank lines at a hunk's end often are only there to look at. */
function withoutBlankEnd(lines: readonly PatchLine[]): readonly PatchLine[] {
  const last = lines.findLastIndex(({ kind, text }) => kind !== 'keep' || text.trim() !== '');
  return lines.slice(0, last + 1);
}

const below = (from: number) => (from === 0 ? '' : ` below line ${from}`);

function explain(plain: readonly string[], hunk: Hunk, from: number): string {
  const old = hunk.lines.filter(({ kind }) => kind !== 'add').map(({ text }) => withoutReturn(text));
  const [above] = findLines(plain, old, { from: 0, maxFound: 1 });
  if (above !== undefined && above < from)
    return `its lines stand at line ${above + 1}, above the hunk before it. Give hunks in the order of the file.`;
  if (hunk.isAtEnd && above !== undefined)
    return `its lines stand at line ${above + 1}, not at the end of the file.`;
  return `its lines were not found${below(from)}. ${explainMiss(plain.join('\n'), old.join('\n'), 'the hunk')}`;
}
