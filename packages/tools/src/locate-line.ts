import { AppError } from '@switchyard/protocol';
import { resolveWorkspacePath, type Sandbox } from '@switchyard/sandbox';

/** Counting a gigabyte takes about a second. */
const timeoutMs = 60_000;

/**
 * Where a line of a large file begins, in bytes (the file's size when there is no such line), and how many lines the
 * file has. Counted inside the sandbox: only the lines that are wanted travel.
 */
export async function locateLine(
  sandbox: Sandbox,
  { path, line, signal }: { readonly path: string; readonly line: number; readonly signal: AbortSignal },
): Promise<{ position: number; totalLines: number }> {
  const file = `'${resolveWorkspacePath(path).replaceAll("'", String.raw`'\''`)}'`;
  const { output, exitCode } = await sandbox.run({
    command: `head -n ${line - 1} -- ${file} | wc -c; wc -l < ${file}; tail -c 1 -- ${file} | wc -l`,
    timeoutMs,
    signal,
  });
  const [position, lineEnds, endsWithNewline] = output.trim().split(/\s+/).map(Number);
  if (exitCode !== 0 || position === undefined || lineEnds === undefined || endsWithNewline === undefined) {
    throw new AppError('sandbox_failed', `The lines of ${path} could not be counted.`, {
      cause: new Error(output),
    });
  }
  return { position, totalLines: lineEnds + (endsWithNewline === 1 ? 0 : 1) };
}

export function countLineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}
