import { formatNumberedLines, nameLines, shortened } from './numbered-lines.ts';
import { bestWindow, type LineSpan } from './similar-lines.ts';

/** Of one place, when it is shown. */
const maxShownLines = 20;
const maxShownCharacters = 300;
const maxPlaces = 3;
/** Comparing is linear; this bounds it to about a tenth of a second, for it holds up the event loop. */
const maxComparedLines = 10_000;

/**
 * Tells the model why a text was not found in a file and what stands there instead: differences that are easy to
 * overlook by name, else the lines that are most like it. One to a few sentences, then numbered lines.
 */
export function explainMiss(text: string, oldText: string, name = 'old_str'): string {
  const all = text.split('\n');
  const lines = all.slice(0, maxComparedLines).map((line) => line.replace(/\r$/, ''));
  return (
    copiedNumbers(text, oldText, name) ??
    lineEndMiss(text, oldText, name) ??
    escapedText(text, oldText, name) ??
    whitespaceMiss(lines, oldText, name) ??
    characterMiss(lines, oldText) ??
    similarMiss(lines, oldText) ??
    (all.length > lines.length
      ? `Nothing in the first ${lines.length} lines resembles it, and further ones were not compared. Search it with grep.`
      : 'Nothing in the file resembles it. Read the file again before you edit it.')
  );
}

/** The line numbers of `read_file` were taken for a part of the file. */
function copiedNumbers(text: string, oldText: string, name: string): string | null {
  const numbered = /^ *\d+\t/;
  const lines = oldText.split('\n').filter((line) => line !== '');
  if (lines.length === 0 || !lines.every((line) => numbered.test(line))) return null;
  const bare = oldText.split('\n').map((line) => line.replace(numbered, ''));
  const isThere = text.replaceAll('\r\n', '\n').includes(bare.join('\n'));
  return isThere
    ? `${name} holds the line numbers of read_file. Leave out the numbers and the tab after them.`
    : null;
}

/** Line breaks or quotes were escaped once too often. */
function escapedText(text: string, oldText: string, name: string): string | null {
  const plain = oldText
    .replaceAll(/\\([nrt"'\\])/g, (_, letter: string) => unescaped[letter] ?? letter)
    .replaceAll('\r\n', '\n');
  if (plain === oldText || !text.replaceAll('\r\n', '\n').includes(plain)) return null;
  return String.raw`${name} is escaped once too often: the file has real line breaks, tabs or quotes where ${name} has a backslash and a letter (\n, \t, \"). Give them as they are.`;
}

/** Nothing but line ends differs: the file has both kinds, or the text has the kind that the file has not. */
function lineEndMiss(text: string, oldText: string, name: string): string | null {
  const plain = text.replaceAll('\r\n', '\n');
  const at = plain.indexOf(oldText.replaceAll('\r\n', '\n'));
  if (at === -1) return null;
  const first = plain.slice(0, at).split('\n').length;
  const lines = text.split('\n').slice(first - 1, first - 2 + oldText.split('\n').length);
  const crlf = lines.flatMap((line, index) => (line.endsWith('\r') ? [first + index] : []));
  if (crlf.length === 0)
    return String.raw`Only line ends differ: the file has LF (\n) there, ${name} has CRLF (\r\n).`;
  return String.raw`Only line ends differ: the file mixes both kinds and has CRLF (\r\n) at the end of ${nameLines(crlf)} there. Give \r\n for these and \n for the others.`;
}

const unescaped: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function whitespaceMiss(lines: readonly string[], oldText: string, name: string): string | null {
  const normal = (line: string) => line.trim().replaceAll(/\s+/g, ' ');
  const places = findBlocks(lines, oldText, normal);
  const [first] = places;
  if (!first) return null;
  const wanted = blockOf(oldText);
  const details = wanted.flatMap((line, index) => {
    const number = first.start + index;
    const isEdge = index === 0 || index === wanted.length - 1;
    return describeWhitespace(lines[number] ?? '', line, { number: number + 1, isEdge, name });
  });
  const said =
    details.length > 0 ? ` ${details.slice(0, 3).join(' ')}` : ' Blank lines or spaces around it differ.';
  return `Only whitespace differs at ${nameLines(places.map(({ start }) => start + 1))}.${said} The file has:\n${show(lines, first)}`;
}

/** How the whitespace of a line differs, in a sentence; the edges of a text may lie inside a line. */
function describeWhitespace(
  line: string,
  wanted: string,
  { number, isEdge, name }: { number: number; isEdge: boolean; name: string },
): string[] {
  const [there, given] = [indentOf(line), indentOf(wanted)];
  if (there !== given && !(isEdge && given === '')) {
    return [`Line ${number} begins with ${nameSpace(there)}, in ${name} with ${nameSpace(given)}.`];
  }
  const [end, givenEnd] = [trailingOf(line), trailingOf(wanted)];
  if (end !== givenEnd)
    return [`Line ${number} ends with ${nameSpace(end)}, in ${name} with ${nameSpace(givenEnd)}.`];
  if (line.trim() !== wanted.trim() && !isEdge) return [`The spaces inside line ${number} differ.`];
  return line.trim() !== wanted.trim() && /\s{2}|\t/.test(`${line.trim()}${wanted.trim()}`)
    ? [`The spaces or tabs inside line ${number} differ.`]
    : [];
}

const indentOf = (line: string) => /^\s*/.exec(line)?.[0] ?? '';
const trailingOf = (line: string) => (line.trim() === '' ? '' : (/\s*$/.exec(line)?.[0] ?? ''));

/** `2 tabs`, `4 spaces`, `1 tab and 2 spaces`, `no whitespace`. */
function nameSpace(space: string): string {
  if (space === '') return 'no whitespace';
  const count = (pattern: RegExp, one: string) => {
    const found = space.match(pattern)?.length ?? 0;
    return found === 0 ? [] : [`${found} ${one}${found === 1 ? '' : 's'}`];
  };
  return [...count(/\t/g, 'tab'), ...count(/ /g, 'space'), ...count(/[^\t ]/g, 'other blank character')].join(
    ' and ',
  );
}

/** The same but for letter case or for characters that look alike. */
function characterMiss(lines: readonly string[], oldText: string): string | null {
  const kinds = [
    { normal: (line: string) => line.toLowerCase(), said: 'Only upper and lower case differ' },
    {
      normal: plainCharacters,
      said: 'Only characters that look alike differ (typographic quotes, dashes, special spaces)',
    },
  ];
  for (const { normal, said } of kinds) {
    const [place] = findBlocks(lines, oldText, (line) => normal(line).trim());
    if (place) return `${said} at line ${place.start + 1}. The file has:\n${show(lines, place)}`;
  }
  return null;
}

function plainCharacters(line: string): string {
  return line
    .normalize('NFC')
    .replaceAll(/[‘’‚′]/g, "'")
    .replaceAll(/[“”„″]/g, '"')
    .replaceAll(/[‐‑‒–—−]/g, '-')
    .replaceAll(/[\u00a0\u2000-\u200a\u202f]/g, ' ')
    .replaceAll(/[\u200b\ufeff]/g, '')
    .replaceAll('…', '...');
}

function similarMiss(lines: readonly string[], oldText: string): string | null {
  const place = bestWindow(lines, blockOf(oldText));
  if (!place) return null;
  return `The most similar text is at line ${place.start + 1}:\n${show(lines, place)}`;
}

/** The text's lines without blank ones around them. */
function blockOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  const first = lines.findIndex((line) => line.trim() !== '');
  const last = lines.findLastIndex((line) => line.trim() !== '');
  return first === -1 ? [] : lines.slice(first, last + 1);
}

/** Where the text stands when lines are compared in a normal form; it may begin and end inside a line. */
function findBlocks(lines: readonly string[], oldText: string, normal: (line: string) => string): LineSpan[] {
  const wanted = blockOf(oldText).map(normal);
  const found: LineSpan[] = [];
  if (wanted.join('').trim() === '') return found;
  const there = lines.map(normal);
  const lastIndex = wanted.length - 1;
  for (let start = 0; start + lastIndex < there.length && found.length < maxPlaces; start += 1) {
    const isHere = wanted.every((line, index) => {
      const candidate = there[start + index] ?? '';
      if (lastIndex === 0) return candidate.includes(line);
      if (index === 0) return candidate.endsWith(line);
      return index === lastIndex ? candidate.startsWith(line) : candidate === line;
    });
    if (isHere) found.push({ start, length: wanted.length });
  }
  return found;
}

function show(lines: readonly string[], { start, length }: LineSpan): string {
  const shown = lines.slice(start, start + Math.min(length, maxShownLines));
  const numbered = shown.map((line, index) => ({
    number: start + index + 1,
    text: shortened(line, maxShownCharacters),
  }));
  const rest = length - shown.length;
  return `${formatNumberedLines(numbered)}${rest > 0 ? `\n[… ${rest} more lines]` : ''}`;
}
