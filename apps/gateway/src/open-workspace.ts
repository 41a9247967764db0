import { AppError } from '@switchyard/protocol';
import type { Sandbox } from '@switchyard/sandbox';
import type { Gateway } from './gateway.ts';

/** What a request needs to know of the project whose workspace it is about. */
export interface Workspace {
  readonly id: string;
  readonly sandboxId: string | null;
}

/**
 * Opens a project's sandbox: starts it when it is stopped, and with `mayCreate` makes one where there is none. Throws
 * AppError `sandbox_unavailable` where no sandbox service is configured, and what the service itself has to say.
 */
export async function openWorkspace(
  { sandboxes }: Pick<Gateway, 'sandboxes'>,
  { id: projectId, sandboxId }: Workspace,
  { mayCreate = false, signal }: { readonly mayCreate?: boolean; readonly signal: AbortSignal },
): Promise<Sandbox> {
  if (!sandboxes) throw new AppError('sandbox_unavailable', 'No sandbox service is configured.');
  return await sandboxes.open({ projectId, sandboxId, mayCreate, signal });
}
