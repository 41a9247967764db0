import { posix } from 'node:path';
import type { Lane } from '@switchyard/agent';
import { workspaceRoot } from '@switchyard/sandbox';

/** Changes of one file follow each other, however its path is written; those of others need not wait. */
export function laneOfFile(path: string): Lane {
  return { of: 'file', name: posix.resolve(workspaceRoot, path) };
}
