/** A block of Markdown; texts inside it are still to be parsed as lines. */
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'code'; readonly language: string; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | {
      readonly kind: 'list';
      readonly isOrdered: boolean;
      readonly start: number;
      readonly items: readonly ListItem[];
    }
  | { readonly kind: 'table'; readonly header: readonly Cell[]; readonly rows: readonly (readonly Cell[])[] }
  | { readonly kind: 'rule' };

export interface ListItem {
  /** Null for an item that is no task. */
  readonly isDone: boolean | null;
  readonly blocks: readonly Block[];
}

export interface Cell {
  readonly text: string;
  readonly align: 'left' | 'center' | 'right';
}

/** A block and where it begins, so that a growing text is parsed again only from its last block. */
export interface PlacedBlock {
  readonly block: Block;
  /** Offset in the text, always at the start of a line. */
  readonly start: number;
}

// Each pattern takes a line in linear time: no two neighbours in it can match the same characters and then fail.
const fencePattern = /^ {0,3}(`{3,}|~{3,})([^`\n]*)$/;
const headingPattern = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const rulePattern = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const itemPattern = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*)|)$/s;
const quotePattern = /^ {0,3}> ?(.*)$/s;
const underlinePattern = /^ {0,3}(=+|-+)[ \t]*$/;
/** Quotes and lists inside each other; what is deeper is shown as text. */
const maxDepth = 12;

/**
 * Parses a whole text: headings, paragraphs, fences, quotes, lists with tasks, tables (GFM) and rules. Markup of HTML is
 * text like any other.
 */
export function parseBlocks(text: string): readonly PlacedBlock[] {
  const lines = text.split('\n');
  const starts: number[] = [];
  let start = 0;
  for (const line of lines) {
    starts.push(start);
    start += line.length + 1;
  }
  // Texts from Windows end their lines with both characters.
  const trimmed = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  return parseLines(trimmed, 0).map(({ block, line }) => ({ block, start: starts[line] ?? 0 }));
}

function parseLines(lines: readonly string[], depth: number): { block: Block; line: number }[] {
  const blocks: { block: Block; line: number }[] = [];
  for (let line = 0; line < lines.length;) {
    if (isBlank(lines[line])) {
      line += 1;
      continue;
    }
    const { block, next } = readBlock(lines, line, depth);
    blocks.push({ block, line });
    line = next;
  }
  return blocks;
}

interface Read {
  readonly block: Block;
  /** The first line after the block, always further than where it began. */
  readonly next: number;
}

function readBlock(lines: readonly string[], at: number, depth: number): Read {
  const line = lines[at] ?? '';
  const fence = fencePattern.exec(line);
  if (fence) return readFence(lines, at, fence);
  const heading = headingPattern.exec(line);
  if (heading) {
    return {
      block: { kind: 'heading', level: heading[1]?.length ?? 1, text: headingText(line, heading[0].length) },
      next: at + 1,
    };
  }
  if (rulePattern.test(line)) return { block: { kind: 'rule' }, next: at + 1 };
  if (depth < maxDepth) {
    if (quotePattern.test(line)) return readQuote(lines, at, depth);
    if (itemPattern.test(line)) return readList(lines, at, depth);
  }
  if (isTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at, depth);
}

/** What stands behind the marks, without the marks that may close it. */
function headingText(line: string, from: number): string {
  const text = line.slice(from).trim();
  let end = text.length;
  while (text[end - 1] === '#') end -= 1;
  const isClosed = end === 0 || text[end - 1] === ' ' || text[end - 1] === '\t';
  return isClosed ? text.slice(0, end).trimEnd() : text;
}

function readFence(lines: readonly string[], at: number, fence: RegExpExecArray): Read {
  const mark = fence[1] ?? '```';
  const indent = /^ */.exec(lines[at] ?? '')?.[0].length ?? 0;
  const closing = new RegExp(`^ {0,3}${mark[0]}{${mark.length},}[ \\t]*$`);
  let next = at + 1;
  while (next < lines.length && !closing.test(lines[next] ?? '')) next += 1;
  const text = lines
    .slice(at + 1, next)
    .map((line) => line.slice(Math.min(indent, /^ */.exec(line)?.[0].length ?? 0)))
    .join('\n');
  const language = (fence[2] ?? '').trim().split(/\s+/)[0] ?? '';
  return { block: { kind: 'code', language, text }, next: Math.min(next + 1, lines.length) };
}

function readQuote(lines: readonly string[], at: number, depth: number): Read {
  const inner: string[] = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? '';
    const quoted = quotePattern.exec(line);
    // A paragraph goes on without its mark.
    if (quoted) inner.push(quoted[1] ?? '');
    else if (!isBlank(line) && !isBlank(inner.at(-1)) && !interrupts(line, depth)) inner.push(line);
    else break;
  }
  return { block: { kind: 'quote', blocks: blocksOf(inner, depth + 1) }, next };
}

function readList(lines: readonly string[], at: number, depth: number): Read {
  const first = itemPattern.exec(lines[at] ?? '');
  const type = typeOfMark(first?.[2] ?? '-');
  const items: ListItem[] = [];
  let next = at;
  for (;;) {
    const item = itemPattern.exec(lines[next] ?? '');
    if (!item || typeOfMark(item[2] ?? '') !== type || rulePattern.test(lines[next] ?? '')) break;
    const { inner, end } = readItem(lines, next, item, depth);
    items.push(itemOf(inner, depth));
    next = end;
    let after = next;
    while (after < lines.length && isBlank(lines[after])) after += 1;
    if (!itemPattern.test(lines[after] ?? '')) break;
    next = after;
  }
  const start = Number.parseInt(first?.[2] ?? '1', 10);
  const isOrdered = type === '.' || type === ')';
  return { block: { kind: 'list', isOrdered, start: isOrdered ? start : 1, items }, next };
}

/** The lines of one item without its mark and indentation. */
function readItem(
  lines: readonly string[],
  at: number,
  item: RegExpExecArray,
  depth: number,
): { inner: string[]; end: number } {
  const padding = item[3] ?? ' ';
  const indent = (item[1]?.length ?? 0) + (item[2]?.length ?? 1) + (padding.length > 4 ? 1 : padding.length);
  const inner = [item[4] ?? ''];
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const line = lines[end] ?? '';
    if (isBlank(line)) {
      // It goes on after a blank line only when the next line is indented.
      const following = lines.slice(end + 1, end + 3).find((candidate) => !isBlank(candidate)) ?? '';
      if (indentOf(following) < indent) break;
      inner.push('');
    } else if (indentOf(line) >= indent) inner.push(line.slice(indent));
    else if (isBlank(inner.at(-1)) || itemPattern.test(line) || interrupts(line, depth)) break;
    else inner.push(line.trimStart());
  }
  return { inner, end };
}

function itemOf(inner: readonly string[], depth: number): ListItem {
  const task = /^\[([ xX])\][ \t]+(.*)$/s.exec(inner[0] ?? '');
  const lines = task ? [task[2] ?? '', ...inner.slice(1)] : inner;
  return { isDone: task ? task[1] !== ' ' : null, blocks: blocksOf(lines, depth + 1) };
}

function isTable(lines: readonly string[], at: number): boolean {
  const [header = '', delimiter = ''] = [lines[at], lines[at + 1]];
  return (
    header.includes('|') && isDelimiter(delimiter) && cellsOf(header).length === cellsOf(delimiter).length
  );
}

function isDelimiter(line: string): boolean {
  if (!/^ {0,3}[|:-][ \t|:-]*$/.test(line)) return false;
  const cells = cellsOf(line);
  return cells.length > 0 && cells.every((cell) => /^:?-+:?$/.test(cell));
}

/** A row has no more cells than its text: filled up to its header's width, a short text would make millions. */
function readTable(lines: readonly string[], at: number): Read {
  const aligns = cellsOf(lines[at + 1] ?? '').map(alignOf);
  const rowOf = (line: string): Cell[] => {
    const cells = cellsOf(line).slice(0, aligns.length);
    return cells.map((text, column) => ({ text, align: aligns[column] ?? 'left' }));
  };
  const rows: Cell[][] = [];
  let next = at + 2;
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? '';
    if (isBlank(line) || interrupts(line, 0)) break;
    rows.push(rowOf(line));
  }
  return { block: { kind: 'table', header: rowOf(lines[at] ?? ''), rows }, next };
}

function readParagraph(lines: readonly string[], at: number, depth: number): Read {
  let next = at + 1;
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? '';
    const underline = underlinePattern.exec(line);
    if (underline) {
      const level = underline[1]?.startsWith('=') ? 1 : 2;
      return { block: { kind: 'heading', level, text: joined(lines.slice(at, next)) }, next: next + 1 };
    }
    if (isBlank(line) || interrupts(line, depth) || isTable(lines, next)) break;
  }
  return { block: { kind: 'paragraph', text: joined(lines.slice(at, next)) }, next };
}

/** Whether a line ends the paragraph before it. */
function interrupts(line: string, depth: number): boolean {
  if (fencePattern.test(line) || headingPattern.test(line) || rulePattern.test(line)) return true;
  if (depth >= maxDepth) return false;
  if (quotePattern.test(line)) return true;
  const item = itemPattern.exec(line);
  // An empty item, or a number in mid-sentence that begins a line, is none.
  return (
    item !== null && (item[4] ?? '') !== '' && (!/^\d/.test(item[2] ?? '') || /^1[.)]$/.test(item[2] ?? ''))
  );
}

function blocksOf(lines: readonly string[], depth: number): Block[] {
  return parseLines(lines, depth).map(({ block }) => block);
}

/** Cells between bars; a bar after a backslash or inside code belongs to its cell. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let isCode = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (character === '\\' && line[at + 1] === '|') {
      cell += '|';
      at += 1;
    } else if (character === '|' && !isCode) {
      cells.push(cell.trim());
      cell = '';
    } else {
      if (character === '`') isCode = !isCode && line.includes('`', at + 1);
      cell += character;
    }
  }
  cells.push(cell.trim());
  if (cells[0] === '') cells.shift();
  if (cells.at(-1) === '') cells.pop();
  return cells;
}

function alignOf(delimiter: string): Cell['align'] {
  if (!delimiter.endsWith(':')) return 'left';
  return delimiter.startsWith(':') ? 'center' : 'right';
}

function typeOfMark(mark: string): string {
  return /\d/.test(mark) ? (mark.at(-1) ?? '.') : mark;
}

function joined(lines: readonly string[]): string {
  return lines
    .map((line, index) => (index === 0 ? line.trimStart() : line.replace(/^[ \t]+/, '')))
    .join('\n');
}

function indentOf(line: string): number {
  return /^[ \t]*/.exec(line)?.[0].replaceAll('\t', '    ').length ?? 0;
}

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === '';
}
