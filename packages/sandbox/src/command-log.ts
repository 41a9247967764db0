import { resolveWorkspacePath, workspaceRoot } from './workspace-path.ts';

/** The names of the scripts' folders and of commands that were started under a claim. */
const logPattern = /^(\/tmp\/\.switchyard-[0-9a-z]+-\d+)\/call-[0-9a-f]{40}$/;

/** The file inside the sandbox that holds all that a command printed. */
export function logPathOf(key: string, token: string): string {
  return `/tmp/.switchyard-${token}/${key}`;
}

/**
 * A path that may be read, absolute, and what it must not leave: a workspace path, or a command's log by the very name
 * under which it was told. Throws `AppError('invalid_path')` for others.
 */
export function resolveReadablePath(path: string): { readonly path: string; readonly root: string } {
  const folder = logPattern.exec(path)?.[1];
  return folder === undefined
    ? { path: resolveWorkspacePath(path), root: workspaceRoot }
    : { path, root: folder };
}
