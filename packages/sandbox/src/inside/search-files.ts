import { closeSync, constants, lstatSync, openSync, statSync } from 'node:fs';
import { compilePattern } from './compile-pattern.ts';
import { parseGlob } from './glob-pattern.ts';
import { createMatcher, type Matcher } from './match-text.ts';
import { literalPattern, parsePattern } from './pattern-syntax.ts';
import { openText } from './read-lines.ts';
import { type Budget, BudgetError, type FoundFile, isWithin, spendTime, walkFiles } from './walk-files.ts';

export interface SearchRequest {
  readonly kind: 'search';
  readonly root: string;
  /** Absolute: a file or a folder. */
  readonly start: string;
  readonly pattern: string;
  readonly isLiteral: boolean;
  readonly isCaseIgnored: boolean;
  /** Which files, by their path from `start`; null for all. */
  readonly glob: string | null;
  /** `files`: only which files match, and how often. */
  readonly shows: 'lines' | 'files';
  /** Lines shown before and after each match. */
  readonly context: number;
  /** Matching lines, or files, to pass over, and to show at most. */
  readonly skip: number;
  readonly maxShown: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly maxEntries: number;
}

export interface ShownLine {
  readonly number: number;
  /** Cut around the match when the line is long. */
  readonly text: string;
  readonly isMatch: boolean;
}

export interface ShownFile {
  /** From `start`; empty when that is the file. */
  readonly path: string;
  /** Of matching lines; in all of the file when only files are shown. */
  readonly count: number;
  readonly lines: readonly ShownLine[];
}

export interface SearchAnswer {
  readonly files: readonly ShownFile[];
  /** Matching lines, or files, that are shown. */
  readonly shown: number;
  /** There are more behind them. */
  readonly hasMore: boolean;
  readonly searchedFiles: number;
  readonly binaryFiles: number;
  readonly unreadableFiles: number;
  /** What the search gave up for, and the path at which it did. */
  readonly stopped: { readonly because: 'time' | 'entries'; readonly at: string } | null;
}

const maxLineCharacters = 300;
const beforeMatch = 200;

/** Raised when enough is shown. */
class EnoughError extends Error {}

export function searchFiles(request: SearchRequest): SearchAnswer {
  const { shows, skip, maxShown, maxBytes, context } = request;
  const budget: Budget = { deadline: Date.now() + request.timeoutMs, entriesLeft: request.maxEntries };
  const pattern = request.isLiteral
    ? literalPattern(request.pattern, request.isCaseIgnored)
    : parsePattern(request.pattern, request.isCaseIgnored);
  const matcher = createMatcher(compilePattern(pattern), () => spendTime(budget));
  const files: { path: string; count: number; lines: ShownLine[] }[] = [];
  let [found, shown, shownBytes] = [0, 0, 0];
  let [searchedFiles, binaryFiles, unreadableFiles] = [0, 0, 0];
  let current = '';

  function showLine(file: { lines: ShownLine[] }, line: ShownLine): void {
    shownBytes += Buffer.byteLength(line.text) + 8;
    file.lines.push(line);
  }

  function searchLines(file: FoundFile, blocks: Iterable<{ text: string; firstLine: number }>): void {
    let entry: (typeof files)[number] | null = null;
    let before: { number: number; text: string }[] = [];
    let lastShown = 0;
    let afterLeft = 0;
    for (const { text, firstLine } of blocks) {
      spendTime(budget);
      let number = firstLine;
      for (let from = 0; from < text.length; number += 1) {
        const lineFeed = text.indexOf('\n', from);
        const next = lineFeed === -1 ? text.length : lineFeed;
        const to = text[next - 1] === '\r' && next > from ? next - 1 : next;
        const end = matcher.endOfMatch(text, from, to);
        if (end !== -1) {
          found += 1;
          if (found > skip) {
            if (shown >= maxShown || shownBytes >= maxBytes) throw new EnoughError();
            entry ??= startEntry(file);
            for (const line of before)
              if (line.number > lastShown) showLine(entry, { ...line, isMatch: false });
            showLine(entry, { number, text: cutLine(text, { from, to, around: end }), isMatch: true });
            entry.count += 1;
            shown += 1;
            lastShown = number;
            afterLeft = context;
          }
        } else if (afterLeft > 0 && entry) {
          showLine(entry, { number, text: cutLine(text, { from, to, around: from }), isMatch: false });
          lastShown = number;
          afterLeft -= 1;
        }
        if (context > 0)
          before = [
            ...before.slice(1 - context),
            { number, text: cutLine(text, { from, to, around: from }) },
          ].slice(-context);
        from = next + 1;
      }
    }
  }

  function startEntry({ path }: FoundFile): (typeof files)[number] {
    const entry = { path, count: 0, lines: [] };
    files.push(entry);
    shownBytes += Buffer.byteLength(path);
    return entry;
  }

  function countLines(file: FoundFile, blocks: Iterable<{ text: string }>): void {
    let count = 0;
    for (const { text } of blocks) {
      spendTime(budget);
      count += countMatches(matcher, text);
    }
    if (count === 0) return;
    found += 1;
    if (found <= skip) return;
    if (shown >= maxShown || shownBytes >= maxBytes) throw new EnoughError();
    startEntry(file).count = count;
    shown += 1;
  }

  let hasMore = false;
  let stopped: SearchAnswer['stopped'] = null;
  try {
    for (const file of filesOf(request, budget)) {
      current = file.path;
      if (file.isLink) continue;
      const opened = openText(file.absolutePath, request.root);
      if (opened.kind === 'text') {
        searchedFiles += 1;
        if (shows === 'lines') searchLines(file, opened.blocks);
        else countLines(file, opened.blocks);
      } else if (opened.kind === 'binary') binaryFiles += 1;
      else unreadableFiles += 1;
    }
  } catch (error) {
    if (error instanceof EnoughError) hasMore = true;
    else if (error instanceof BudgetError) stopped = { because: error.because, at: current };
    else throw error;
  }
  return { files, shown, hasMore, searchedFiles, binaryFiles, unreadableFiles, stopped };
}

function countMatches(matcher: Matcher, text: string): number {
  let count = 0;
  for (let from = 0; from < text.length;) {
    const lineFeed = text.indexOf('\n', from);
    const next = lineFeed === -1 ? text.length : lineFeed;
    const to = text[next - 1] === '\r' && next > from ? next - 1 : next;
    if (matcher.endOfMatch(text, from, to) !== -1) count += 1;
    from = next + 1;
  }
  return count;
}

/** The file itself, or what lies in the folder and fits the pattern for paths. */
function* filesOf(
  request: Pick<SearchRequest, 'root' | 'start' | 'glob'>,
  budget: Budget,
): Generator<FoundFile> {
  const { root, start, glob } = request;
  if (!statSync(start).isDirectory()) {
    yield { path: '', absolutePath: start, isLink: false };
    return;
  }
  const pattern = glob === null ? null : compilePattern(parseGlob(glob));
  const matcher = pattern && createMatcher(pattern, () => spendTime(budget));
  for (const file of walkFiles(start, { root, budget }))
    if (matcher === null || matcher.endOfMatch(file.path, 0, file.path.length) !== -1) yield file;
}

/** Whether a search may begin there, and what stands in its way. */
export function lookAtStart({
  root,
  start,
}: Pick<SearchRequest, 'root' | 'start'>): 'fine' | 'not-found' | 'denied' | 'outside' {
  try {
    statSync(start);
  } catch {
    return 'not-found';
  }
  try {
    const descriptor = openSync(start, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return isWithin(descriptor, root) ? 'fine' : 'outside';
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return 'denied';
  }
}

function cutLine(
  text: string,
  { from, to, around }: { readonly from: number; readonly to: number; readonly around: number },
): string {
  if (to - from <= maxLineCharacters) return text.slice(from, to);
  const first = Math.max(from, Math.min(around - beforeMatch, to - maxLineCharacters));
  const last = Math.min(to, first + maxLineCharacters);
  // A cut may part the halves of a character.
  const shown = text.slice(first, last).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
  return `${first > from ? '…' : ''}${shown}${last < to ? '…' : ''}`;
}

export interface GlobRequest {
  readonly kind: 'glob';
  readonly root: string;
  /** Absolute: a folder. */
  readonly start: string;
  readonly glob: string;
  readonly skip: number;
  readonly maxShown: number;
  readonly timeoutMs: number;
  readonly maxEntries: number;
}

export interface GlobAnswer {
  readonly files: readonly { readonly path: string; readonly isLink: boolean; readonly size: number }[];
  readonly hasMore: boolean;
  readonly stopped: SearchAnswer['stopped'];
}

export function globFiles(request: GlobRequest): GlobAnswer {
  const budget: Budget = { deadline: Date.now() + request.timeoutMs, entriesLeft: request.maxEntries };
  const files: { path: string; isLink: boolean; size: number }[] = [];
  let [found, current] = [0, ''];
  try {
    for (const { path, absolutePath, isLink } of filesOf(request, budget)) {
      current = path;
      found += 1;
      if (found <= request.skip) continue;
      if (files.length === request.maxShown) return { files, hasMore: true, stopped: null };
      files.push({ path, isLink, size: sizeOf(absolutePath) });
    }
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    return { files, hasMore: false, stopped: { because: error.because, at: current } };
  }
  return { files, hasMore: false, stopped: null };
}

function sizeOf(path: string): number {
  try {
    return lstatSync(path).size;
  } catch {
    return 0;
  }
}
