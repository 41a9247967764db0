import type { Readable } from 'node:stream';
import { createNonce } from './call-key.ts';
import type { RemoteSandbox } from './remote-sandbox.ts';
import type { Sandbox } from './sandbox.ts';
import { resolveWorkspacePath, uploadPrefix, workspaceRoot } from './workspace-path.ts';

/** A cleaning up after a failure must not hold up its report; a guess. */
export const removeWithinMs = 10_000;

/** Contents that come in pieces: uploaded beside the workspace's files, then renamed, so that readers see all or nothing. */
export function createStreamWriting(
  remote: RemoteSandbox,
  files: Pick<Sandbox, 'move' | 'remove'>,
): Pick<Sandbox, 'writeStream'> {
  return {
    async writeStream({
      path,
      content,
      signal,
    }: {
      path: string;
      content: Readable;
      signal: AbortSignal;
    }): Promise<void> {
      // Refused before anything is sent.
      const to = resolveWorkspacePath(path);
      // On the workspace's own disk: the rename is one, and memory is not what holds the bytes meanwhile.
      const uploaded = `${workspaceRoot}/${uploadPrefix}${createNonce()}`;
      try {
        await remote.uploadStream(uploaded, content, { signal });
        await files.move({ from: uploaded, to, isReplacing: true, signal });
      } catch (error) {
        content.destroy();
        await files
          .remove({ path: uploaded, signal: AbortSignal.timeout(removeWithinMs) })
          .catch(() => undefined);
        throw error;
      }
    },
  };
}
