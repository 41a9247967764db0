import { addAbortSignal, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { AppError, describeError, type MessagePart } from '@switchyard/protocol';
import { type Sandbox, workspaceRoot } from '@switchyard/sandbox';
import type { Blobs, FileRow } from '@switchyard/store';

/** A larger file goes through in pieces; a smaller one can be sent again, as a whole, when a request fails. A guess. */
const maxHeldBytes = 4 * 1024 * 1024;

/** Where uploads are read from. */
export type FileSource = Pick<Blobs, 'read'>;

/**
 * Copies the attached files into the workspace, each whole or not at all, and gives the sentences for the model about
 * those that cannot be copied: one is no reason to keep the others, or the sandbox, from it. What is there stays: a
 * second copy, after a crash or in a later run, never overwrites what the agent made of a file.
 * @throws when a service does not answer, so that it is worth trying again
 */
export async function copyAttachedFiles(options: {
  readonly sandbox: Sandbox;
  readonly files: readonly FileRow[];
  readonly source: FileSource;
  readonly signal: AbortSignal;
}): Promise<string[]> {
  const notCopied: string[] = [];
  for (const file of options.files) {
    if (file.path === null) continue;
    try {
      await copyFile({ ...options, file, path: file.path });
    } catch (error) {
      if (!(error instanceof AppError) || describeError(error.code).isRetryable) throw error;
      notCopied.push(`"${file.name}" to ${pathOf(file.path)}: ${error.detail}`);
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

/** What the model reads in place of an attached file; null for other parts. */
export function describeAttachment(part: MessagePart, files: readonly FileRow[]): string | null {
  if (part.type === 'data-file') return describe(part.data);
  if (part.type !== 'file') return null;
  const row = attachedFile(part, files);
  if (row) return describe(row);
  return `[Attached file "${part.filename ?? 'without a name'}" (${part.mediaType}), not available]`;
}

/** The file that a part of a user's message names; null for other parts, and for a file that there is not. */
export function attachedFile(part: MessagePart, files: readonly FileRow[]): FileRow | null {
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
