import { AppError } from '@switchyard/protocol';
import type { Sandbox } from '@switchyard/sandbox';
import { saveSandboxId } from '@switchyard/store';
import type { Gateway } from './gateway.ts';

/** What a request needs to know of the project whose workspace it is about. */
export interface Workspace {
  readonly id: string;
  readonly sandboxId: string | null;
}

/**
 * Opens a project's sandbox: starts it when it is stopped, and makes one for a project that has none. Throws AppError
 * `sandbox_unavailable` where no sandbox service is configured, and what the service itself has to say.
 */
export async function openWorkspace(
  { sql, sandboxes }: Pick<Gateway, 'sql' | 'sandboxes'>,
  { id, sandboxId }: Workspace,
  signal: AbortSignal,
): Promise<Sandbox> {
  if (!sandboxes) throw new AppError('sandbox_unavailable', 'No sandbox service is configured.');
  const sandbox = await sandboxes.open({ projectId: id, sandboxId, signal });
  if (sandbox.id === sandboxId) return sandbox;
  const stands = await saveSandboxId(sql, { projectId: id, sandboxId: sandbox.id, expected: sandboxId });
  return stands === sandbox.id ? sandbox : await sandboxes.open({ projectId: id, sandboxId: stands, signal });
}
