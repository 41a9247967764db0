import { AppError } from '@switchyard/protocol';

/** Where the workspace stands in every sandbox. */
export const workspaceRoot = '/workspace';

/** How the names of uploads begin, until they are put in their place. */
export const uploadPrefix = '.switchyard-upload-';

/**
 * The absolute path inside the sandbox that a workspace path names: relative, or absolute below `/workspace`.
 * Pure text: links inside the sandbox are the sandbox's own affair (nothing outside ever follows them).
 * Throws `AppError('invalid_path')` for a path that leaves the workspace, holds a control character or a lone
 * surrogate, or is longer than 4,096 bytes (PATH_MAX).
 */
export function resolveWorkspacePath(path: string): string {
  if (/\p{Cc}/u.test(path) || !path.isWellFormed()) {
    throw new AppError('invalid_path', 'The path holds a control character or broken text.');
  }
  if (Buffer.byteLength(path) > 4_000) throw new AppError('invalid_path', 'The path is too long.');
  const isInside = path === workspaceRoot || path.startsWith(`${workspaceRoot}/`);
  if (path.startsWith('/') && !isInside) {
    throw new AppError('invalid_path', `The path is not below ${workspaceRoot}.`);
  }
  const segments: string[] = [];
  for (const segment of (isInside ? path.slice(workspaceRoot.length) : path).split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') {
      if (segments.pop() === undefined) throw new AppError('invalid_path', 'The path leaves the workspace.');
      continue;
    }
    if (Buffer.byteLength(segment) > 255)
      throw new AppError('invalid_path', 'A name in the path is too long.');
    segments.push(segment);
  }
  return [workspaceRoot, ...segments].join('/');
}

/** The other way: `/workspace/a/b` → `a/b`, `/workspace` → `.`. */
export function relativeToWorkspace(absolutePath: string): string {
  return absolutePath === workspaceRoot ? '.' : absolutePath.slice(workspaceRoot.length + 1);
}
