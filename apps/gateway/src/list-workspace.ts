import { AppError, type WorkspaceResponse } from '@switchyard/protocol';
import { resolveWorkspacePath } from '@switchyard/sandbox';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';

/**
 * What lies in a folder of a project's workspace, at most `limits.listedEntries` entries. A project that never had a
 * sandbox has an empty workspace, and is given none. Throws AppError `invalid_path`, `not_found`, and what the sandbox
 * itself has to say.
 */
export async function listWorkspace(
  { sandboxes }: Pick<Gateway, 'sandboxes'>,
  {
    project,
    path,
    signal: leaving,
  }: {
    readonly project: { readonly id: string; readonly sandboxId: string | null };
    readonly path: string;
    readonly signal: AbortSignal;
  },
): Promise<WorkspaceResponse> {
  const folder = resolveWorkspacePath(path);
  if (project.sandboxId === null) return { entries: [], isTruncated: false };
  if (!sandboxes) throw new AppError('sandbox_unavailable', 'No sandbox service is configured.');
  const signal = AbortSignal.any([leaving, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
  const sandbox = await sandboxes.open({ projectId: project.id, sandboxId: project.sandboxId, signal });
  const { entries, isTruncated } = await sandbox.list(folder, { maxEntries: limits.listedEntries, signal });
  return {
    entries: entries.map((entry) => ({
      path: entry.path,
      kind: entry.kind,
      size: entry.size,
      modifiedAt: new Date(entry.modifiedAtMs).toISOString(),
    })),
    isTruncated,
  };
}
