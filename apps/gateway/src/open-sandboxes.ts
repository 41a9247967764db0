import type { resolveWorkspacePath, Sandboxes } from '@switchyard/sandbox';

/** The workspaces of projects, and how their paths are read. */
export interface OpenedSandboxes {
  readonly sandboxes: Sandboxes;
  readonly resolveWorkspacePath: typeof resolveWorkspacePath;
  readonly workspaceRoot: string;
}

/** Loads the sandbox client when it is first needed: most gateways never serve a file, and its SDK takes 50 MB. */
export function openSandboxesOnce(options: {
  readonly apiUrl: string;
  readonly apiKey: string;
}): () => Promise<OpenedSandboxes> {
  let opened: Promise<OpenedSandboxes> | undefined;
  return () => {
    opened ??= import('@switchyard/sandbox').then(
      ({ createSandboxes, resolveWorkspacePath, workspaceRoot }) => ({
        sandboxes: createSandboxes(options),
        resolveWorkspacePath,
        workspaceRoot,
      }),
    );
    return opened;
  };
}
