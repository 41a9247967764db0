import type { CallRecord, ToolContext, ToolResult } from '@switchyard/agent';
import { explainChange, maxReadBytes } from '@switchyard/sandbox';
import { kindOfContent } from './text-bytes.ts';

/** A text file as an edit needs it: whole, with the version that must still be there when it is written. */
export interface EditedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly version: string;
  /** Equal for two names of one file. */
  readonly stamp: string;
}

export type OpenedFile =
  | { readonly outcome: 'opened'; readonly file: EditedFile }
  /** A sentence or two for the model. */
  | { readonly outcome: 'refused'; readonly message: string };

/**
 * Reads a file to be edited. Refuses what is no text or too large, unless it will only be removed, and what is not what
 * this thread saw last of it. Throws what the sandbox throws.
 */
export async function openForEdit(
  context: ToolContext,
  path: string,
  { isForRemoval = false }: { readonly isForRemoval?: boolean } = {},
): Promise<OpenedFile> {
  const sandbox = await context.sandbox();
  const reader = { id: context.threadId, isRemembered: false };
  const read = await sandbox.readFile(path, { length: maxReadBytes, reader, signal: context.signal });
  const { bytes, size, version, lastSeen, stamp } = read;
  if (!isForRemoval) {
    if (size > bytes.byteLength) return refused(tooLargeText(path, size));
    const content = kindOfContent(bytes);
    if (content.kind === 'binary')
      return refused(`${path} is ${content.name}, not text. Nothing was changed.`);
  }
  if (lastSeen !== null && lastSeen !== version) return refused(staleText(path));
  return { outcome: 'opened', file: { path, bytes, version: version ?? '', stamp } };
}

function refused(message: string): OpenedFile {
  return { outcome: 'refused', message };
}

/** What the model reads when a file is another than it thinks. */
export function staleText(path: string): string {
  return `${path} has changed since you last read or wrote it here: a command, another conversation or a person did it. Nothing was changed. Read it again, then decide.`;
}

function tooLargeText(path: string, size: number): string {
  return `${path} has ${size} bytes; edits take files up to ${maxReadBytes / 1024 / 1024} MiB. Use shell with sed, awk or a script.`;
}

/**
 * The result of a change of files that the sandbox recorded: the claim carries it, the exit code says whether it came to
 * be, and the output why not.
 */
export function recoverChange(
  { exitCode, result, output }: CallRecord,
  paths: readonly string[],
): ToolResult {
  if (exitCode === 0 && result !== null) return { outcome: 'ok', output: result };
  return { outcome: 'error', message: explainChange(output, paths).detail };
}
