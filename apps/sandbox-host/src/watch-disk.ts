import { statfsSync } from 'node:fs';
import type { Logger } from '@switchyard/process';
import { measureDeletedFiles, measureFolder } from './measure-disk.ts';
import type { Family } from './watched-sandbox.ts';

/** The disk is looked at as often as costs a twentieth of one processor, within these bounds. */
const intervalMs = { least: 2_000, most: 60_000, perMsOfLooking: 20 };
/** A workspace in which nobody is at work. */
const restIntervalMs = 60_000;
/** The reaper, the init and the shell that waits for the next command: nobody is at work. */
const restingFamily = 3;
/** Free space that goes this fast is looked into at once. */
const suspiciousBytes = 256 * 1024 * 1024;
/** A workspace that was too large may be entered again to be cleared up, but not grow by more than this. */
const clearUpShare = 0.05;
/** A workspace larger than this is not entered any more. */
const hopelessShare = 2;
/** A size that cannot be told so many times in a row is taken for too large. */
const maxFailures = 3;
/** Of the floor: below it everything is stopped, whoever it was. */
const emergencyShare = 0.5;

export interface DiskWatchOptions {
  /** What has to stay free on the disk of `dataDir`: below it nothing starts, and who still writes is stopped. */
  readonly minFreeBytes: number;
  readonly dataDir: string;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
  readonly stop: (sandboxId: string, reason: string) => void;
  readonly logger: Logger;
}

export interface DiskWatch {
  /** Looks when it is time to; what takes long goes on behind it. */
  look(families: readonly Family[]): void;
  /** Why this sandbox must not start now, for people; null when nothing stands against it. */
  refusal(sandboxId: string): string | null;
  /** Resolves when the last look has ended. */
  close(): Promise<unknown>;
}

interface Measure {
  readonly measuredAt: number;
  readonly bytes: number;
  readonly failures: number;
}

/** Measures workspaces from outside: one that is too large is stopped. */
export function watchDisk(options: DiskWatchOptions): DiskWatch {
  const { logger, stop, minFreeBytes } = options;
  /** Share of the limit that a stopped sandbox's workspace had. */
  const overfull = new Map<string, number>();
  const measures = new Map<string, Measure>();
  let lastFreeBytes = Number.POSITIVE_INFINITY;
  let nextLookAt = 0;
  let lastLook: Promise<unknown> = Promise.resolve();
  let isLooking = false;

  function freeBytes(): number {
    const { bavail, bsize } = statfsSync(options.dataDir);
    return bavail * bsize;
  }

  /** Gives the bytes by which it has grown. */
  async function measure({ sandbox, family }: Family): Promise<number> {
    const { id, workspace, limits } = sandbox;
    const measuredAt = Date.now();
    const maxFiles = hopelessShare * limits.files;
    const use = await measureFolder(workspace, { bwrapPath: options.bwrapPath, maxFiles });
    if (use === null) throw new Error('The workspace could not be listed.');
    const bytes = use.bytes + (await measureDeletedFiles(workspace, family));
    const growth = bytes - (measures.get(id)?.bytes ?? bytes);
    measures.set(id, { measuredAt, bytes, failures: 0 });
    const share = Math.max(bytes / limits.diskBytes, use.files / limits.files);
    const before = overfull.get(id) ?? 0;
    if (share <= 1) overfull.delete(id);
    if (share > Math.max(1, before + clearUpShare)) {
      overfull.set(id, share);
      stop(id, 'its workspace is too large');
    }
    return growth;
  }

  /** One whose size cannot be told does not keep the others from being measured. */
  async function measureOrNote(family: Family): Promise<number> {
    const { id } = family.sandbox;
    try {
      return await measure(family);
    } catch (error) {
      const { failures = 0, bytes = 0 } = measures.get(id) ?? {};
      measures.set(id, { measuredAt: 0, bytes, failures: failures + 1 });
      logger.error({ sandboxId: id, error }, 'the size of a workspace could not be measured');
      if (failures + 1 >= maxFailures) stop(id, 'the size of its workspace could not be measured');
      return 0;
    }
  }

  function isDue({ sandbox, family }: Family): boolean {
    const measuredAt = measures.get(sandbox.id)?.measuredAt ?? 0;
    const isAtWork = family.length > restingFamily || sandbox.lastActivityAt >= measuredAt;
    return isAtWork || Date.now() - measuredAt > restIntervalMs;
  }

  async function lookAt(families: readonly Family[], isFull: boolean): Promise<void> {
    const startedAt = Date.now();
    const growths: { readonly id: string; readonly growth: number }[] = [];
    for (const family of families)
      growths.push({ id: family.sandbox.id, growth: await measureOrNote(family) });
    const [fastest] = growths.toSorted((one, other) => other.growth - one.growth);
    // The next look finds the next one, if there is still less and less.
    if (isFull && fastest && fastest.growth > 0) stop(fastest.id, 'the disk of this machine is full');
    const { least, most, perMsOfLooking } = intervalMs;
    const endedAt = Date.now();
    nextLookAt = endedAt + Math.min(most, Math.max(least, perMsOfLooking * (endedAt - startedAt)));
  }

  return {
    look(families) {
      const free = freeBytes();
      const running = new Set(families.map(({ sandbox }) => sandbox.id));
      for (const id of measures.keys()) if (!running.has(id)) measures.delete(id);
      if (free > lastFreeBytes) lastFreeBytes = free;
      if (free < emergencyShare * minFreeBytes) {
        for (const { sandbox } of families) stop(sandbox.id, 'the disk of this machine is full');
      }
      const isFull = free < minFreeBytes;
      const isGoing = lastFreeBytes - free > suspiciousBytes || (isFull && free < lastFreeBytes);
      if (isLooking || (!isGoing && Date.now() < nextLookAt)) return;
      isLooking = true;
      lastFreeBytes = free;
      lastLook = lookAt(isGoing ? families : families.filter(isDue), isFull)
        .catch((error: unknown) => logger.error({ error }, 'looking at the disk failed'))
        .finally(() => {
          isLooking = false;
        });
    },
    refusal(sandboxId) {
      if (freeBytes() < minFreeBytes) {
        return 'The disk of the sandbox host is full. Its operator has to make room there.';
      }
      return (overfull.get(sandboxId) ?? 0) > hopelessShare
        ? 'The workspace of this project is far too large to be entered. Delete the project.'
        : null;
    },
    close: () => lastLook,
  };
}
