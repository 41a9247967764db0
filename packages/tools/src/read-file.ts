import { defineTool, type ToolResult } from '@switchyard/agent';
import type { FileContent, Sandbox } from '@switchyard/sandbox';
import { z } from 'zod';
import { pathSubject } from './subjects.ts';
import { createLineWindow, type LinesRead, returnMark } from './line-window.ts';
import { countLineEnds, lineFromEnd, locateLine, startOfLine } from './locate-line.ts';
import { formatNumberedLines } from './numbered-lines.ts';
import { bytesForPart, cutLinePart, type LinePart } from './read-line-part.ts';
import { type ContentKind, kindOfContent } from './text-bytes.ts';

/** About 12,000 tokens: a third of the smallest context window in the catalog. */
const maxBytes = 48 * 1024;
const maxLineBytes = 2000;
const defaultLines = 500;
const maxLines = 2000;
/** Most files and most ranges are in the first piece; the others are worth larger ones. */
const firstPieceBytes = 256 * 1024;
const nextPieceBytes = 4 * 1024 * 1024;
/** A line that goes on for longer than this is not read to its end. */
const maxSearchedBytes = 16 * 1024 * 1024;

const inputSchema = z.strictObject({
  path: z.string().min(1).describe('File in the workspace: relative to /workspace, or absolute below it.'),
  offset: z
    .int()
    .optional()
    .describe('Number of the first line to read, from 1; -20 means the last 20 lines. Default 1.'),
  limit: z
    .int()
    .min(1)
    .max(maxLines)
    .optional()
    .describe(`How many lines to read, at most ${maxLines}. Default ${defaultLines}.`),
  column: z
    .int()
    .min(1)
    .optional()
    .describe(
      `Reads on in the one line \`offset\`, which was cut: the position in it, in bytes from 1, as the cut named it. Gives up to ${maxBytes / 1024} KiB of that line.`,
    ),
});

/** Reads a range of lines of a text file. */
export const readFileTool = defineTool({
  name: 'read_file',
  description: `Reads a text file, or a range of its lines. Each line comes as its number, a tab, and the line; the numbers and the tab are not part of the file. One call gives at most ${maxLines} lines (${defaultLines} unless you say more) and ${maxBytes / 1024} KiB; the first line of the answer says what was read, what is special about the file, and the offset to go on with. A line is cut after ${maxLineBytes} bytes, and the cut says how to read on in it. Images and other binary files are refused.`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  subjectsOf: ({ path }) => [pathSubject(path)],
  async execute({ path, offset = 1, limit = defaultLines, column }, context) {
    const { signal } = context;
    if (offset === 0) return refuse('Lines count from 1: there is no line 0.');
    const sandbox = await context.sandbox();
    // What is read now is what an edit may go by.
    const reader = { id: context.threadId, isRemembered: true };
    const first = await sandbox.readFile(path, { length: firstPieceBytes, reader, signal });
    const content = kindOfContent(first.bytes);
    if (content.kind === 'binary') return refuse(binaryText(path, content, first.size));
    return column === undefined
      ? await readLines(sandbox, { path, offset, limit, first, signal })
      : await readInLine(sandbox, { path, offset, column, first, signal });
  },
});

interface Reading {
  readonly path: string;
  readonly offset: number;
  /** The file's beginning, with its size. */
  readonly first: FileContent;
  readonly signal: AbortSignal;
}

async function readLines(
  sandbox: Sandbox,
  { path, offset: wanted, limit, first, signal }: Reading & { readonly limit: number },
): Promise<ToolResult> {
  const { size } = first;
  const isWhole = first.bytes.byteLength >= size;
  const isNear = wanted > 0 && countLineEnds(first.bytes) >= wanted - 1;
  const place = isWhole || isNear ? null : await locateLine(sandbox, { path, line: wanted, signal });
  const offset = place?.line ?? (wanted > 0 ? wanted : lineFromEnd(first.bytes, wanted));
  if (place !== null && place.position >= size) return refuse(noLineText(path, offset, place.totalLines));

  const firstLine = place === null ? 1 : offset;
  const window = createLineWindow({ firstLine, offset, limit, maxBytes, maxLineBytes });
  let position = place?.position ?? first.bytes.byteLength;
  let isMoreWanted = place === null ? window.push(first.bytes) : true;
  for (const end = position + maxSearchedBytes; isMoreWanted && position < size;) {
    if (position >= end) {
      if (window.leaveOff()) break;
      return refuse(endlessLineText(path, size));
    }
    const { bytes } = await sandbox.readFile(path, { offset: position, length: nextPieceBytes, signal });
    // The file became shorter meanwhile.
    if (bytes.byteLength === 0) break;
    position += bytes.byteLength;
    isMoreWanted = window.push(bytes);
  }
  return describeLines(window.finish(), { path, offset, size });
}

async function readInLine(
  sandbox: Sandbox,
  { path, offset, column, first, signal }: Reading & { readonly column: number },
): Promise<ToolResult> {
  const { line, start, end } = await boundsOfLine(sandbox, { path, offset, first, signal });
  const position = start + column - 1;
  const isWithin = position < end || (column === 1 && start < first.size);
  const { bytes } = isWithin
    ? await sandbox.readFile(path, { offset: position, length: bytesForPart(maxBytes), signal })
    : { bytes: new Uint8Array() };
  const isFileEnd = position + bytes.byteLength >= first.size;
  const part = isWithin ? cutLinePart(bytes, { line, column, maxBytes, isFileEnd }) : null;
  if (part === null) return refuse(`Line ${line} of ${path} has no byte ${column}: it ends before.`);
  return describePart(part, { path, line, size: first.size });
}

/** Where a line begins and where the next one does. */
async function boundsOfLine(
  sandbox: Sandbox,
  { path, offset, first, signal }: Reading,
): Promise<{ readonly line: number; readonly start: number; readonly end: number }> {
  const { bytes, size } = first;
  const isWhole = bytes.byteLength >= size;
  const known = offset > 0 ? offset : isWhole ? lineFromEnd(bytes, offset) : null;
  const near = known === null ? null : startOfLine(bytes, known);
  if (known !== null && near !== null) {
    const end = bytes.indexOf(0x0a, near);
    if (end !== -1) return { line: known, start: near, end: end + 1 };
  }
  if (isWhole) return { line: known ?? 1, start: near ?? size, end: size };
  const place = await locateLine(sandbox, { path, line: known ?? offset, signal });
  return { line: place.line, start: place.position, end: place.end };
}

function describeLines(read: LinesRead, file: { path: string; offset: number; size: number }): ToolResult {
  const { path, offset, size } = file;
  const { lines, totalLines, nextOffset } = read;
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) {
    if (size === 0) return { outcome: 'ok', output: `[${path}: empty, 0 bytes]` };
    return refuse(noLineText(path, offset, totalLines ?? 0));
  }
  const numbers = first === last ? `line ${first.number}` : `lines ${first.number}-${last.number}`;
  const range = `${numbers}${totalLines === null ? '' : ` of ${totalLines}`}`;
  const remarks = [
    `${size} bytes`,
    ...(nextOffset === null ? [] : [`more follows: go on with offset ${nextOffset}`]),
    ...(totalLines !== null && !read.endsWithNewline ? ['no line end after the last line'] : []),
    ...(read.lineEnds === 'crlf' ? ['CRLF line ends'] : []),
    ...(read.lineEnds === 'mixed'
      ? [`mixed line ends: ${returnMark} stands for the carriage return of a CRLF`]
      : []),
    ...(read.hasByteOrderMark ? ['begins with a byte order mark'] : []),
    ...(read.encoding === 'latin-1' ? ['not valid UTF-8, shown as Latin-1'] : []),
  ];
  return {
    outcome: 'ok',
    output: `[${path}: ${range}; ${remarks.join('; ')}]\n${formatNumberedLines(lines)}`,
  };
}

function describePart(part: LinePart, file: { path: string; line: number; size: number }): ToolResult {
  const { firstColumn, lastColumn, nextColumn, lineEnd, encoding, text } = part;
  const remarks = [
    `${file.size} bytes`,
    ...(nextColumn === null ? [] : [`the line goes on: column ${nextColumn}`]),
    ...(nextColumn === null && lineEnd === 'none' ? ['no line end after the last line'] : []),
    ...(nextColumn === null && lineEnd === 'crlf' ? ['CRLF line end'] : []),
    ...(encoding === 'latin-1' ? ['not valid UTF-8, shown as Latin-1'] : []),
  ];
  const range = `line ${file.line} from byte ${firstColumn} to ${nextColumn === null ? 'its end' : lastColumn}`;
  return {
    outcome: 'ok',
    output: `[${file.path}: ${range}; ${remarks.join('; ')}]\n${formatNumberedLines([{ number: file.line, text }])}`,
  };
}

function refuse(message: string): ToolResult {
  return { outcome: 'error', message };
}

function binaryText(
  path: string,
  { name, advice }: Extract<ContentKind, { kind: 'binary' }>,
  size: number,
): string {
  return `${path} (${size} bytes) is ${name}; read_file shows text only. ${advice}`;
}

function noLineText(path: string, line: number, totalLines: number): string {
  return `${path} has ${totalLines} lines; there is no line ${line}. Read with an offset from 1 to ${totalLines}, or a negative one from the end.`;
}

function endlessLineText(path: string, size: number): string {
  return `${path} (${size} bytes) has a line of more than ${maxSearchedBytes / 1024 / 1024} MiB there. Read pieces of it with column, or use shell, for example cut -c or head -c.`;
}
