import { readdirSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CpuBudget } from './cpu-budget.ts';
import { findLivingFolder, listingChildren } from './measure-memory.ts';
import { readDeletedMappings } from './read-mappings.ts';

interface DeletedFile {
  readonly inode: number;
  readonly bytes: number;
}

const blockBytes = 512;
/** A file may pass from a process to the next while they are looked at: those that came meanwhile are looked at too. */
const maxRounds = 8;
/** In a round, of one process's children, while new ones come. */
const maxListings = 16;

/**
 * Bytes on `folder`'s file system that processes of a sandbox keep although no name leads to them any more; null when
 * that cannot be told, or not within the budget. They may have millions of descriptors: it lets others run in between.
 *
 * A process that has ended before it was looked at may have passed files on to its children. Programs whose processes
 * are short-lived do not escape all listings of all rounds; who does that passes something on.
 */
export async function measureDeletedFiles(
  folder: string,
  { rootPid, budget }: { readonly rootPid: number; readonly budget: CpuBudget },
): Promise<number | null> {
  const device = statSync(folder).dev;
  const bytesByInode = new Map<number, number>();
  /** Looked at, or ended. */
  const done = new Set<number>();
  let isClosedToUs = false;

  function note(files: readonly DeletedFile[]): void {
    for (const { inode, bytes } of files)
      bytesByInode.set(inode, Math.max(bytes, bytesByInode.get(inode) ?? 0));
  }

  /** False when it, or the thread by which it was looked at, has ended before that was done. */
  function lookAt(pid: number): boolean {
    const living = budget.spend(() => findLivingFolder(pid));
    if (living === null) return done.add(pid) && false;
    // Threads share their process's descriptors: the system call filter sees to it.
    const open = budget.spend(() => listOpenDeleted(`${living}/fd`, device));
    const mapped = readDeletedMappings(living, budget);
    note(open ?? []);
    note((mapped ?? []).filter((mapping) => mapping.device === device));
    if (budget.spend(() => findLivingFolder(pid)) !== living) return false;
    if (open === null || mapped === null) isClosedToUs = true;
    done.add(pid);
    return true;
  }

  /** Looks at all that is new, as soon as it is listed. */
  async function lookAround(): Promise<{ readonly hasMissed: boolean; readonly hasNew: boolean }> {
    const listChildren = budget.spend(listingChildren);
    const waiting = [rootPid];
    let hasMissed = !done.has(rootPid) && !lookAt(rootPid);
    let hasNew = false;
    for (let pid = waiting.pop(); pid !== undefined && !budget.isSpent(); pid = waiting.pop()) {
      const parent = pid;
      const children = new Set<number>();
      let isMissing = true;
      for (let count = 0; count < maxListings && !budget.isSpent(); count++) {
        const fresh: number[] = [];
        for (const child of budget.spend(() => listChildren(parent))) {
          children.add(child);
          if (!done.has(child)) fresh.push(child);
        }
        // The youngest are listed last; all are looked at, whether one was missed or not.
        const missed = fresh.toReversed().filter((child) => !lookAt(child));
        if (missed.length === 0) isMissing = false;
        if (fresh.length === 0) break;
        hasNew = true;
        await setImmediate();
      }
      hasMissed ||= isMissing;
      waiting.push(...children);
      await setImmediate();
    }
    return { hasMissed, hasNew };
  }

  let isCertain = false;
  for (let round = 0; round < maxRounds; round++) {
    const { hasMissed, hasNew } = await lookAround();
    if (isClosedToUs || budget.isSpent()) return null;
    isCertain ||= !hasMissed;
    if (!hasMissed && !hasNew) break;
  }
  return isCertain ? [...bytesByInode.values()].reduce((sum, bytes) => sum + bytes, 0) : null;
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
