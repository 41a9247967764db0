import { AppError } from '@switchyard/protocol';
import { resolveReadablePath, type Sandbox } from '@switchyard/sandbox';

/** Counting a gigabyte takes about a second. */
const timeoutMs = 60_000;

/** Where a line is. */
export interface LinePlace {
  /** From 1. */
  readonly line: number;
  /** In bytes; the file's size when there is no such line. */
  readonly position: number;
  /** Where the next line begins, or the file ends. */
  readonly end: number;
  readonly totalLines: number;
}

/**
 * Finds a line of a large file, counted from 1, or from the end when `line` is negative. Counted inside the sandbox: only
 * the lines that are wanted travel.
 */
export async function locateLine(
  sandbox: Sandbox,
  { path, line, signal }: { readonly path: string; readonly line: number; readonly signal: AbortSignal },
): Promise<LinePlace> {
  const file = `'${resolveReadablePath(path).path.replaceAll("'", String.raw`'\''`)}'`;
  const parts =
    line > 0 ? [`head -n ${line - 1}`, `head -n ${line}`] : [`tail -n ${-line}`, `tail -n ${-line - 1}`];
  const { output, exitCode } = await sandbox.run({
    command: [
      ...parts.map((part) => `${part} -- ${file} | wc -c`),
      `wc -l < ${file}; tail -c 1 -- ${file} | wc -l; wc -c < ${file}`,
    ].join('; '),
    timeoutMs,
    signal,
  });
  const numbers = output.trim().split(/\s+/).map(Number);
  const [first = 0, second = 0, lineEnds = 0, endsWithNewline = 0, size = 0] = numbers;
  if (exitCode !== 0 || numbers.length !== 5 || numbers.some(Number.isNaN)) {
    throw new AppError('sandbox_failed', `The lines of ${path} could not be counted.`, {
      cause: new Error(output),
    });
  }
  const totalLines = lineEnds + (endsWithNewline === 1 ? 0 : 1);
  return line > 0
    ? { line, position: first, end: second, totalLines }
    : { line: Math.max(1, totalLines + line + 1), position: size - first, end: size - second, totalLines };
}

/** The same in a file that is there as a whole. */
export function lineFromEnd(bytes: Uint8Array, line: number): number {
  const ends = countLineEnds(bytes);
  const totalLines = ends + (bytes.at(-1) === 0x0a || bytes.length === 0 ? 0 : 1);
  return Math.max(1, totalLines + line + 1);
}

export function countLineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

/** Where a line of a file's beginning starts; null when it starts behind these bytes. */
export function startOfLine(bytes: Uint8Array, line: number): number | null {
  let position = 0;
  for (let number = 1; number < line; number += 1) {
    const end = bytes.indexOf(0x0a, position);
    if (end === -1) return null;
    position = end + 1;
  }
  return position;
}
