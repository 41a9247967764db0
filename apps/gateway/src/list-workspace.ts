import type { WorkspaceEntry, WorkspaceResponse } from '@switchyard/protocol';
import { type FileStat, resolveWorkspacePath } from '@switchyard/sandbox';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';
import { openWorkspace, type Workspace } from './open-workspace.ts';

/**
 * What lies in a folder of a project's workspace, at most `limits.listedEntries` entries. A project that never had a
 * sandbox has an empty workspace, and is given none. Throws AppError `invalid_path`, `not_found`, and what the sandbox
 * itself has to say.
 */
export async function listWorkspace(
  gateway: Pick<Gateway, 'sandboxes'>,
  options: { readonly workspace: Workspace; readonly path: string; readonly signal: AbortSignal },
): Promise<WorkspaceResponse> {
  const { workspace } = options;
  const folder = resolveWorkspacePath(options.path);
  if (workspace.sandboxId === null) return { entries: [], isTruncated: false };
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
  const sandbox = await openWorkspace(gateway, workspace, { signal });
  const { entries, isTruncated } = await sandbox.list(folder, { maxEntries: limits.listedEntries, signal });
  return {
    entries: entries.map(entryOf),
    isTruncated,
  };
}

export function entryOf({ path, kind, size, modifiedAtMs }: FileStat): WorkspaceEntry {
  return { path, kind, size, modifiedAt: new Date(modifiedAtMs).toISOString() };
}
