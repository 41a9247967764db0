import { defineTool, type ToolResult } from '@switchyard/agent';
import type { Sandbox } from '@switchyard/sandbox';
import { z } from 'zod';
import { createLineWindow, type LinesRead } from './line-window.ts';
import { countLineEnds, locateLine } from './locate-line.ts';
import { formatNumberedLines } from './numbered-lines.ts';
import { kindOfContent } from './text-bytes.ts';

/** About 12,000 tokens: a third of the smallest context window in the catalog. */
const maxBytes = 48 * 1024;
const maxLineBytes = 2000;
const defaultLines = 500;
const maxLines = 2000;
/** Most files and most ranges are in the first piece; the others are worth larger ones. */
const firstPieceBytes = 256 * 1024;
const nextPieceBytes = 4 * 1024 * 1024;
/** A line that goes on for longer than this is no text to be read by lines. */
const maxSearchedBytes = 16 * 1024 * 1024;

const inputSchema = z.strictObject({
  path: z.string().min(1).describe('File in the workspace: relative to /workspace, or absolute below it.'),
  offset: z.int().min(1).optional().describe('Number of the first line to read, from 1. Default 1.'),
  limit: z
    .int()
    .min(1)
    .max(maxLines)
    .optional()
    .describe(`How many lines to read, at most ${maxLines}. Default ${defaultLines}.`),
});

/** Reads a range of lines of a text file. */
export const readFileTool = defineTool({
  name: 'read_file',
  description: `Reads a text file, or a range of its lines. Each line comes as its number, a tab, and the line; the numbers and the tab are not part of the file. One call gives at most ${maxLines} lines (${defaultLines} unless you say more) and ${maxBytes / 1024} KiB; the first line of the answer says what was read and the offset to go on with. Longer lines are cut after ${maxLineBytes} bytes. Binary files are refused.`,
  inputSchema,
  effect: 'read',
  needs: 'sandbox',
  async execute(input, context) {
    const sandbox = await context.sandbox();
    return await readLines(sandbox, {
      path: input.path,
      offset: input.offset ?? 1,
      limit: input.limit ?? defaultLines,
      readerId: context.threadId,
      signal: context.signal,
    });
  },
});

interface LineRange {
  readonly path: string;
  readonly offset: number;
  readonly limit: number;
  readonly readerId: string;
  readonly signal: AbortSignal;
}

async function readLines(sandbox: Sandbox, range: LineRange): Promise<ToolResult> {
  const { path, offset, limit, signal } = range;
  // What is read now is what an edit may go by.
  const reader = { id: range.readerId, isRemembered: true };
  const first = await sandbox.readFile(path, { length: firstPieceBytes, reader, signal });
  const { size } = first;
  const content = kindOfContent(first.bytes);
  if (content.kind === 'binary') return { outcome: 'error', message: binaryText(path, content.name, size) };

  const isWhole = first.bytes.byteLength >= size;
  const place =
    isWhole || countLineEnds(first.bytes) >= offset - 1
      ? null
      : await locateLine(sandbox, { path, line: offset, signal });
  if (place !== null && place.position >= size) {
    return { outcome: 'error', message: noLineText(path, offset, place.totalLines) };
  }
  const firstLine = place === null ? 1 : offset;
  const window = createLineWindow({ firstLine, offset, limit, maxBytes, maxLineBytes });
  let position = place?.position ?? first.bytes.byteLength;
  let isWanted = place === null ? window.push(first.bytes) : true;
  for (const end = position + maxSearchedBytes; isWanted && position < size;) {
    if (position >= end) return { outcome: 'error', message: endlessLineText(path, size) };
    const { bytes } = await sandbox.readFile(path, { offset: position, length: nextPieceBytes, signal });
    // The file became shorter meanwhile.
    if (bytes.byteLength === 0) break;
    position += bytes.byteLength;
    isWanted = window.push(bytes);
  }
  return describe(window.finish(), { path, offset, size });
}

function describe(read: LinesRead, file: { path: string; offset: number; size: number }): ToolResult {
  const { path, offset, size } = file;
  const { lines, totalLines, nextOffset } = read;
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) {
    if (size === 0) return { outcome: 'ok', output: `[${path}: empty, 0 bytes]` };
    return { outcome: 'error', message: noLineText(path, offset, totalLines ?? 0) };
  }
  const numbers = first === last ? `line ${first.number}` : `lines ${first.number}-${last.number}`;
  const range = `${numbers}${totalLines === null ? '' : ` of ${totalLines}`}`;
  const remarks = [
    `${size} bytes`,
    ...(nextOffset === null ? [] : [`more follows: go on with offset ${nextOffset}`]),
    ...(totalLines !== null && !read.endsWithNewline ? ['no line end after the last line'] : []),
    ...(read.hasCrlf ? ['CRLF line ends'] : []),
    ...(read.hasByteOrderMark ? ['begins with a byte order mark'] : []),
    ...(read.encoding === 'latin-1' ? ['not valid UTF-8, shown as Latin-1'] : []),
  ];
  return {
    outcome: 'ok',
    output: `[${path}: ${range}; ${remarks.join('; ')}]\n${formatNumberedLines(lines)}`,
  };
}

function binaryText(path: string, name: string, size: number): string {
  return `${path} (${size} bytes) is ${name}, which read_file does not show. Inspect it with a command of shell, for example file, strings or xxd | head, or convert it to text first.`;
}

function noLineText(path: string, line: number, totalLines: number): string {
  return `${path} has ${totalLines} lines; there is no line ${line}. Read with an offset from 1 to ${totalLines}.`;
}

function endlessLineText(path: string, size: number): string {
  return `${path} (${size} bytes) has a line of more than ${maxSearchedBytes / 1024 / 1024} MiB there. Use shell, for example cut -c or head -c, to see parts of it.`;
}
