import type { Logger } from '@switchyard/process';
import { type ProcessMemory, readAvailableMemory, readOwnShare, readProcess } from './measure-memory.ts';
import type { Family } from './watched-sandbox.ts';

/** Giving some gigabytes back takes a killed process longer than that. */
const dyingMs = 2_000;
/** What is still over its limit after so many looks in a row makes processes faster than they are killed. */
const maxLooksOver = 25;
/** Of the machine's memory: below it the kernel is close to ending whatever it likes. */
const minFreeMemoryShare = 0.04;
/** Inside: bwrap's reaper is process 1 and the init is 2; without them there is no sandbox. */
const lastNeededPid = 2;

interface MemoryUse extends Family {
  /** Bytes. */
  readonly used: number;
}

/** Gives the look at the sandboxes' memory: one that uses too much loses its largest processes. */
export function watchMemory({
  stop,
  logger,
}: {
  readonly stop: (sandboxId: string, reason: string) => void;
  readonly logger: Logger;
}): (families: readonly Family[]) => number {
  /** Looks in a row at which it used too much memory. */
  const looksOver = new Map<string, number>();
  /** Killed processes and when: their memory is as good as free. */
  const dying = new Map<number, number>();

  /** Kills the largest processes until the others fit. */
  function relieve({ sandbox: { id, limits }, family, used }: MemoryUse): void {
    const count = (looksOver.get(id) ?? 0) + 1;
    looksOver.set(id, count);
    // Processes that end while they are looked at leave their share to the others: one look may count it twice.
    if (count === 1) return;
    let left = used;
    for (const member of family.toSorted((one, other) => other.bytes - one.bytes)) {
      if (member.innerPid <= lastNeededPid || count > maxLooksOver)
        return stop(id, 'it used too much memory');
      left -= member.bytes;
      if (kill(member)) {
        dying.set(member.pid, Date.now());
        const { pid, bytes } = member;
        logger.warn({ sandboxId: id, usedBytes: used, pid, bytes }, 'sandbox lost a process for its memory');
      }
      if (left <= limits.memoryBytes) return;
    }
  }

  /** Gives the largest share of its limit that any sandbox uses. */
  return function look(families) {
    const { availableBytes, totalBytes } = readAvailableMemory();
    for (const [pid, killedAt] of dying) if (Date.now() - killedAt > dyingMs) dying.delete(pid);
    const uses: MemoryUse[] = families.map(({ sandbox, family }) => {
      const living = family.filter(({ pid }) => !dying.has(pid));
      const isClose = sum(living) > sandbox.limits.memoryBytes;
      const shares = isClose ? living.map((member) => ({ ...member, bytes: readOwnShare(member) })) : living;
      return { sandbox, family: shares, used: sum(shares) };
    });
    const over = uses.filter(({ used, sandbox }) => used > sandbox.limits.memoryBytes);
    const isMachineShort = availableBytes < minFreeMemoryShare * totalBytes;
    const [fattest] = uses.toSorted((one, other) => other.used - one.used);
    const chosen = over.length === 0 && isMachineShort && fattest ? [fattest] : over;
    for (const id of looksOver.keys()) {
      if (!chosen.some(({ sandbox }) => sandbox.id === id)) looksOver.delete(id);
    }
    for (const use of chosen) relieve(use);
    return Math.max(0, ...uses.map(({ used, sandbox }) => used / sandbox.limits.memoryBytes));
  };
}

function sum(family: readonly ProcessMemory[]): number {
  return family.reduce((total, { bytes }) => total + bytes, 0);
}

/** False when it has ended: its id may be another process's by now, and of root's reach none is safe. */
function kill({ pid, innerPid }: ProcessMemory): boolean {
  if (readProcess(pid)?.innerPid !== innerPid) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
