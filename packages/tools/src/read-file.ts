import { defineTool, type ToolResult } from '@switchyard/agent';
import type { Sandbox } from '@switchyard/sandbox';
import { z } from 'zod';
import { createLineWindow, type LinesRead } from './line-window.ts';
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
/** Looking further takes seconds, and a command does it faster. */
const maxScannedBytes = 64 * 1024 * 1024;

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
      signal: context.signal,
    });
  },
});

interface LineRange {
  readonly path: string;
  readonly offset: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

async function readLines(sandbox: Sandbox, range: LineRange): Promise<ToolResult> {
  const { path, offset, limit, signal } = range;
  const window = createLineWindow({ offset, limit, maxBytes, maxLineBytes });
  for (let position = 0; ;) {
    const length = position === 0 ? firstPieceBytes : nextPieceBytes;
    const { bytes, size } = await sandbox.readFile(path, { offset: position, length, signal });
    if (position === 0) {
      const content = kindOfContent(bytes);
      if (content.kind === 'binary')
        return { outcome: 'error', message: binaryText(path, content.name, size) };
    }
    position += bytes.byteLength;
    const isEnd = bytes.byteLength === 0 || position >= size;
    if (!window.push(bytes) || isEnd) return describe(window.finish(), { path, offset, size });
    if (position >= maxScannedBytes) return { outcome: 'error', message: tooFarText(range, size) };
  }
}

function describe(read: LinesRead, file: { path: string; offset: number; size: number }): ToolResult {
  const { path, offset, size } = file;
  const { lines, totalLines, nextOffset } = read;
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) {
    if (size === 0) return { outcome: 'ok', output: `[${path}: empty, 0 bytes]` };
    return {
      outcome: 'error',
      message: `${path} has ${totalLines ?? 0} lines; there is no line ${offset}. Read with an offset from 1 to ${totalLines ?? 1}.`,
    };
  }
  const range = `lines ${first.number}-${last.number}${totalLines === null ? '' : ` of ${totalLines}`}`;
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

function tooFarText({ path, offset, limit }: LineRange, size: number): string {
  return `Line ${offset} of ${path} (${size} bytes) lies beyond the first ${maxScannedBytes / 1024 / 1024} MiB, as far as read_file looks. Use shell: tail -n +${offset} <file> | head -n ${limit} | cut -c 1-${maxLineBytes}`;
}
