import type { IncomingMessage } from 'node:http';
import { Transform, pipeline } from 'node:stream';
import { AppError, type WorkspaceEntry } from '@switchyard/protocol';
import { resolveWorkspacePath } from '@switchyard/sandbox';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';
import { entryOf } from './list-workspace.ts';
import { openWorkspace, type Workspace } from './open-workspace.ts';
import { refuseEncodedBody } from './read-body.ts';

/**
 * Puts a request's body into a file of a project's workspace, whole or not at all, in the place of what stood there; it
 * goes through in pieces, whatever its size. Throws AppError `invalid_path`, `payload_too_large` above
 * `maxBytes`, `invalid_request` for a body that ends early, and what the sandbox itself has to say.
 */
export async function writeWorkspaceFile(
  gateway: Pick<Gateway, 'sandboxes'>,
  options: {
    readonly workspace: Workspace;
    readonly path: string;
    readonly incoming: IncomingMessage;
    readonly maxBytes: number;
    readonly signal: AbortSignal;
  },
): Promise<WorkspaceEntry> {
  const { workspace, incoming, maxBytes, signal } = options;
  const path = resolveWorkspacePath(options.path);
  refuseEncodedBody(incoming);
  const tooLarge = new AppError('payload_too_large', `The file is larger than ${maxBytes} bytes.`);
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw tooLarge;
  const sandbox = await openWorkspace(gateway, workspace, { mayCreate: true, signal });

  let size = 0;
  let failure: AppError | null = null;
  const counted = new Transform({
    transform(piece: Buffer, _encoding, callback) {
      size += piece.length;
      callback(size > maxBytes ? tooLarge : null, piece);
    },
  });
  const stalled = () => incoming.destroy(new Error('Nothing arrives any more.'));
  incoming.setTimeout(limits.stalledUploadMs, stalled);
  pipeline(incoming, counted, (error) => {
    if (error === tooLarge) failure = tooLarge;
    // A premature close is our own: the sandbox took no more, and says why.
    else if (error && error.code !== 'ERR_STREAM_PREMATURE_CLOSE')
      failure = new AppError('invalid_request', 'The body ended early.');
  });
  try {
    await sandbox.writeStream({ path, content: counted, signal });
  } catch (error) {
    throw failure ?? error;
  } finally {
    // One that is destroyed has lost its socket.
    if (!incoming.destroyed) incoming.setTimeout(0).resume();
  }
  const stat = await sandbox.stat(path, { signal });
  if (!stat) throw new AppError('conflict', 'The file was removed as soon as it was there.');
  return entryOf(stat);
}

/** Removes a file of a project's workspace, or a folder with all that is in it. */
export async function removeWorkspaceFile(
  gateway: Pick<Gateway, 'sandboxes'>,
  options: { readonly workspace: Workspace; readonly path: string; readonly signal: AbortSignal },
): Promise<void> {
  const { workspace, signal } = options;
  const path = resolveWorkspacePath(options.path);
  if (workspace.sandboxId === null) throw new AppError('not_found', 'The workspace has no such file.');
  const sandbox = await openWorkspace(gateway, workspace, { signal });
  await sandbox.remove({ path, signal });
}
