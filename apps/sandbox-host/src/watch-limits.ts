import { statfsSync } from 'node:fs';
import type { Logger } from '@switchyard/process';
import type { SandboxLimits } from './limits.ts';
import { measureDeletedFiles, measureFolder } from './measure-disk.ts';
import {
  findFamily,
  type ProcessMemory,
  readAvailableMemory,
  readOwnShare,
  readProcesses,
} from './measure-memory.ts';

/** A running sandbox, as far as its use of the machine goes. */
export interface WatchedSandbox {
  readonly id: string;
  /** Of its namespace's first process, as this machine sees it. */
  readonly pid: number;
  readonly workspace: string;
  /** False where a cgroup does it. */
  readonly isMemoryWatched: boolean;
  readonly limits: SandboxLimits;
  readonly lastActivityAt: number;
}

export interface LimitsWatchOptions {
  /** What has to stay free on the disk of `dataDir`; below it everything is stopped and nothing starts. */
  readonly minFreeDiskBytes: number;
  readonly dataDir: string;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
  readonly isDiskWatched: boolean;
  readonly running: () => readonly WatchedSandbox[];
  readonly stop: (id: string, reason: string) => Promise<unknown>;
  readonly logger: Logger;
}

export interface LimitsWatch {
  /** Why this sandbox must not start now, for people; null when nothing stands against it. */
  refusal(id: string): string | null;
  close(): Promise<void>;
}

/** Two processors fill some 4 GB a second: what uses little is looked at seldom, the others before they get far. */
const calmMs = 1_000;
const tenseMs = 150;
const tenseShare = 0.25;
const overMs = 20;
/** Giving some gigabytes back takes a killed process longer than that. */
const dyingMs = 2_000;
/** What is still over its limit after so many looks in a row makes processes faster than they are killed. */
const maxLooksOver = 25;
/** The disk is looked at as often as costs a twentieth of one processor, within these bounds. */
const diskIntervalMs = { least: 2_000, most: 60_000, perMsOfLooking: 20 };
/** Free space that goes this fast is looked into at once. */
const suspiciousBytes = 256 * 1024 * 1024;
/** A workspace that was too large may be entered again to be cleared up, but not grow by more than this. */
const clearUpShare = 0.05;
/** A workspace larger than this is not entered any more. */
const hopelessShare = 2;
/** Of the machine's memory: below it the kernel is close to ending whatever it likes. */
const minFreeMemoryShare = 0.04;
/** bwrap's reaper and the init: nobody but them runs. */
const idleFamily = 2;

/**
 * Measures what sandboxes use where the kernel does not count it for us, from outside and without opening anything of
 * theirs: a sandbox with too much memory loses its largest processes, one with too large a workspace is stopped.
 */
export function watchLimits(options: LimitsWatchOptions): LimitsWatch {
  const { logger } = options;
  /** Share of the limit that a stopped sandbox's workspace had. */
  const overfull = new Map<string, number>();
  /** Looks in a row at which it used too much memory. */
  const looksOver = new Map<string, number>();
  /** Killed processes and when: their memory is as good as free. */
  const dying = new Map<number, number>();
  /** Sandboxes whose workspace may have changed, and when they were last looked at. */
  const measuredAt = new Map<string, number>();
  const busy = new Set<string>();
  const stopping = new Map<string, Promise<unknown>>();
  let lastFreeBytes = Number.POSITIVE_INFINITY;
  let nextDiskLookAt = 0;
  let diskLook: Promise<unknown> = Promise.resolve();
  let isLookingAtDisk = false;

  function freeDiskBytes(): number {
    const { bavail, bsize } = statfsSync(options.dataDir);
    return bavail * bsize;
  }

  /** Nobody waits for it but `close`: while one sandbox takes its time to stop, the others are looked at. */
  function stop(id: string, reason: string): void {
    if (stopping.has(id)) return;
    logger.warn({ sandboxId: id, reason }, 'sandbox is over a limit');
    const stopped = options
      .stop(id, reason)
      .catch((error: unknown) => logger.error({ sandboxId: id, error }, 'sandbox could not be stopped'))
      .finally(() => stopping.delete(id));
    stopping.set(id, stopped);
  }

  /** Kills the largest processes until the others fit. */
  function relieve({ sandbox: { id, limits }, family, used }: MemoryUse): void {
    const count = (looksOver.get(id) ?? 0) + 1;
    looksOver.set(id, count);
    // Processes that end while they are looked at leave their share to the others: one look may count it twice.
    if (count === 1) return;
    let left = used;
    for (const { pid, innerPid, bytes } of family.toSorted((one, other) => other.bytes - one.bytes)) {
      if (innerPid <= idleFamily || count > maxLooksOver) return stop(id, 'it used too much memory');
      kill(pid);
      dying.set(pid, Date.now());
      left -= bytes;
      logger.warn({ sandboxId: id, usedBytes: used, pid, bytes }, 'sandbox lost a process for its memory');
      if (left <= limits.memoryBytes) return;
    }
  }

  /** The largest share of its limit that any sandbox uses. */
  function lookAtMemory(families: readonly Family[]): number {
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
  }

  async function lookAtWorkspace({ sandbox, family }: Family): Promise<void> {
    const lookedAt = Date.now();
    const use = await measureFolder(sandbox.workspace, options.bwrapPath);
    if (use === null) {
      logger.error({ sandboxId: sandbox.id }, 'the size of a workspace could not be measured');
      return;
    }
    const pids = family.map(({ pid }) => pid);
    const bytes = use.bytes + measureDeletedFiles(sandbox.workspace, pids);
    const share = Math.max(bytes / sandbox.limits.diskBytes, use.files / sandbox.limits.files);
    measuredAt.set(sandbox.id, lookedAt);
    if (family.length <= idleFamily) busy.delete(sandbox.id);
    const before = overfull.get(sandbox.id) ?? 0;
    if (share <= 1) overfull.delete(sandbox.id);
    if (share <= Math.max(1, before + clearUpShare)) return;
    overfull.set(sandbox.id, share);
    stop(sandbox.id, 'its workspace is too large');
  }

  async function lookAtDisk(families: readonly Family[]): Promise<void> {
    const startedAt = Date.now();
    for (const family of families) {
      const { id, lastActivityAt } = family.sandbox;
      if (busy.has(id) || lastActivityAt >= (measuredAt.get(id) ?? 0)) await lookAtWorkspace(family);
    }
    const { least, most, perMsOfLooking } = diskIntervalMs;
    const endedAt = Date.now();
    nextDiskLookAt = endedAt + Math.min(most, Math.max(least, perMsOfLooking * (endedAt - startedAt)));
  }

  function look(): number {
    const sandboxes = options.running();
    if (sandboxes.length === 0) return 0;
    const processes = readProcesses();
    const families = sandboxes.map((sandbox) => ({ sandbox, family: findFamily(processes, sandbox.pid) }));
    for (const { sandbox, family } of families) if (family.length > idleFamily) busy.add(sandbox.id);

    const free = freeDiskBytes();
    if (options.isDiskWatched && free < options.minFreeDiskBytes) {
      for (const { sandbox } of families) stop(sandbox.id, 'the disk of this machine is full');
    }
    const isDue = Date.now() > nextDiskLookAt || lastFreeBytes - free > suspiciousBytes;
    if (options.isDiskWatched && isDue && !isLookingAtDisk) {
      isLookingAtDisk = true;
      lastFreeBytes = free;
      diskLook = lookAtDisk(families)
        .catch((error: unknown) => logger.error({ error }, 'looking at the disk failed'))
        .finally(() => {
          isLookingAtDisk = false;
        });
    }
    return lookAtMemory(families.filter(({ sandbox }) => sandbox.isMemoryWatched));
  }

  let timer: NodeJS.Timeout | undefined;
  function lookAgain(delayMs: number): void {
    timer = setTimeout(() => {
      let share = 0;
      try {
        share = look();
      } catch (error) {
        logger.error({ error }, 'looking at the limits failed');
      }
      lookAgain(share > 1 ? overMs : share > tenseShare ? tenseMs : calmMs);
    }, delayMs);
  }
  lookAgain(0);

  return {
    refusal(id) {
      if (options.isDiskWatched && freeDiskBytes() < options.minFreeDiskBytes) {
        return 'The disk of the sandbox host is full. Its operator has to make room there.';
      }
      return (overfull.get(id) ?? 0) > hopelessShare
        ? 'The workspace of this project is far too large to be entered. Delete the project.'
        : null;
    },
    async close() {
      clearTimeout(timer);
      await diskLook;
      await Promise.all(stopping.values());
    },
  };
}

function sum(family: readonly ProcessMemory[]): number {
  return family.reduce((total, { bytes }) => total + bytes, 0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

interface Family {
  readonly sandbox: WatchedSandbox;
  readonly family: readonly ProcessMemory[];
}

interface MemoryUse extends Family {
  /** Bytes. */
  readonly used: number;
}
