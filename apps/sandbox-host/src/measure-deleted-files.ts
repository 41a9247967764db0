import { readdirSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CpuBudget } from './cpu-budget.ts';
import { isLiving, listDescendants } from './measure-memory.ts';
import { readDeletedMappings } from './read-mappings.ts';

interface DeletedFile {
  readonly inode: number;
  readonly bytes: number;
}

const blockBytes = 512;
/** A file may pass from a process to the next while they are looked at: those that came meanwhile are looked at too. */
const maxRounds = 8;

/**
 * Bytes on `folder`'s file system that processes of a sandbox keep although no name leads to them any more; null when
 * that cannot be told, or not within the budget. They may have millions of descriptors: it lets others run in between.
 */
export async function measureDeletedFiles(
  folder: string,
  { rootPid, budget }: { readonly rootPid: number; readonly budget: CpuBudget },
): Promise<number | null> {
  const device = statSync(folder).dev;
  const bytesByInode = new Map<number, number>();
  const seen = new Set<number>();
  function note(files: readonly DeletedFile[]): void {
    for (const { inode, bytes } of files)
      bytesByInode.set(inode, Math.max(bytes, bytesByInode.get(inode) ?? 0));
  }
  for (let round = 0; round < maxRounds; round++) {
    const members = budget.spend(() => listDescendants(rootPid)).filter(({ pid }) => !seen.has(pid));
    if (members.length === 0) break;
    for (const member of members) {
      seen.add(member.pid);
      // Threads share their process's descriptors: the system call filter sees to it.
      const open = budget.spend(() => listOpenDeleted(`${member.folder}/fd`, device));
      if (budget.isSpent() || (open === null && isLiving(member.pid))) return null;
      note(open ?? []);
      await setImmediate();
      const mapped = readDeletedMappings(member.folder, budget);
      if (mapped === null || budget.isSpent()) return null;
      note(mapped.filter((mapping) => mapping.device === device));
    }
  }
  return [...bytesByInode.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Null when it is not ours to see; the links there are never opened. */
function listOpenDeleted(table: string, device: number): DeletedFile[] | null {
  const names = orNothing(() => readdirSync(table));
  const stats = names?.map((fd) => orNothing(() => statSync(`${table}/${fd}`)));
  if (names === null || stats?.includes(null)) return null;
  return (stats ?? []).flatMap((stat) =>
    stat?.isFile() && stat.nlink === 0 && stat.dev === device
      ? [{ inode: stat.ino, bytes: stat.blocks * blockBytes }]
      : [],
  );
}

/** Undefined when it is gone, null when it is closed to us. */
function orNothing<Value>(read: () => Value): Value | null | undefined {
  try {
    return read();
  } catch (error) {
    const isClosed =
      error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code));
    return isClosed ? null : undefined;
  }
}
