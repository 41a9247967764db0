import { addAbortSignal, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { AppError, describeError, type MessagePart, type SwitchyardMessage } from '@switchyard/protocol';
import { type Sandbox, workspaceRoot } from '@switchyard/sandbox';
import type { Blobs, FileRow } from '@switchyard/store';
import { isSandboxTrouble } from './recover-through-outage.ts';

/** A larger file goes through in pieces; a smaller one can be sent again, as a whole, when a request fails. A guess. */
const maxHeldBytes = 4 * 1024 * 1024;

/** Where uploads are read from. */
export type FileSource = Pick<Blobs, 'read'>;

/** A file that is not where the model is told that it is, and why. */
export interface NotCopied {
  readonly file: FileRow;
  readonly sentence: string;
}

/**
 * Copies the attached files into the workspace, each whole or not at all, and tells which cannot be copied: one is no
 * reason to keep the others, or the sandbox, from the model. What is there stays: a second copy, after a crash or in a
 * later run, never overwrites what the agent made of a file.
 * @throws when the sandbox does not answer, or the source of a file that `isAwaited`: it is worth trying again
 */
export async function copyAttachedFiles(options: {
  readonly sandbox: Sandbox;
  readonly files: readonly FileRow[];
  readonly source: FileSource;
  readonly isAwaited: (file: FileRow) => boolean;
  readonly signal: AbortSignal;
}): Promise<NotCopied[]> {
  const notCopied: NotCopied[] = [];
  for (const file of options.files) {
    if (file.path === null) continue;
    try {
      await copyFile({ ...options, file, path: file.path });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { code, detail } = error;
      const isPassing = options.isAwaited(file) && describeError(code).isRetryable;
      if (isPassing || isSandboxTrouble(error)) throw error;
      notCopied.push({ file, sentence: `"${file.name}" to ${pathOf(file.path)}: ${detail}` });
    }
  }
  return notCopied;
}

async function copyFile({
  sandbox,
  source,
  signal,
  file,
  path,
}: {
  readonly sandbox: Sandbox;
  readonly source: FileSource;
  readonly signal: AbortSignal;
  readonly file: FileRow;
  readonly path: string;
}): Promise<void> {
  if ((await sandbox.stat(path, { signal })) !== null) return;
  // Either way it is written under a temporary name and renamed by the sandbox.
  const content = Readable.fromWeb((await source.read(file.objectKey)) as ReadableStream);
  if (file.size > maxHeldBytes) await sandbox.writeStream({ path, content, signal });
  else await sandbox.writeFile({ path, bytes: await buffer(addAbortSignal(signal, content)), signal });
}

/** Those of the files that the last message of a user names. */
export function filesOfLastMessage(
  history: readonly SwitchyardMessage[],
  files: readonly FileRow[],
): FileRow[] {
  const parts = history.findLast(({ role }) => role === 'user')?.parts ?? [];
  const named = new Set(parts.map((part) => attachedFile(part, files)));
  return files.filter((file) => named.has(file));
}

/** What the model reads in place of an attached file; null for other parts. */
export function describeAttachment(part: MessagePart, files: readonly FileRow[]): string | null {
  if (part.type === 'data-file') return describe(part.data);
  if (part.type !== 'file') return null;
  const row = attachedFile(part, files);
  if (row) return describe(row);
  return `[Attached file "${part.filename ?? 'without a name'}" (${part.mediaType}), not available]`;
}

/** The file that a part of a user's message names, by id or by address; null for other parts, and where there is none. */
export function attachedFile(part: MessagePart, files: readonly FileRow[]): FileRow | null {
  if (part.type === 'data-file') return files.find(({ id }) => id === part.data.fileId) ?? null;
  if (part.type !== 'file') return null;
  return files.find((file) => part.url.endsWith(`/${file.id}`)) ?? null;
}

function describe(file: {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly path: string | null;
}): string {
  const where = file.path === null ? 'not in the workspace' : pathOf(file.path);
  return `[Attached file "${file.name}" (${file.mediaType}, ${file.size} bytes): ${where}]`;
}

function pathOf(path: string): string {
  return path.startsWith('/') ? path : `${workspaceRoot}/${path}`;
}
