import { statfsSync } from 'node:fs';
import type { Logger } from '@switchyard/process';
import type { Measuring } from './measuring.ts';
import type { StopSandbox, WatchedSandbox } from './watched-sandbox.ts';

/** Workspaces are measured as often as costs a twentieth of one processor, within these bounds. */
const intervalMs = { least: 2_000, most: 60_000, perMsOfLooking: 20 };
/** While the disk fills up: half of one processor. */
const hurriedIntervalMs = { least: 100, perMsOfLooking: 1 };
/** A workspace in which nobody is at work. */
const restIntervalMs = 60_000;
/** Ticks of 10 ms in between that answer the host's own questions; writing some hundred megabytes takes as much. */
const restingTicks = 5;
/** Free space that goes this fast is looked into at once. */
const suspiciousBytes = 256 * 1024 * 1024;
/** Free space is asked for more often below so many floors: it goes by 2 GB a second at most. */
const tenseFloors = 4;
const checkMs = { calm: 1_000, tense: 150 };
/** A workspace that was too large may be entered again to be cleared up, but not grow by more than this. */
const clearUpShare = 0.05;
/** A workspace larger than this is not entered any more. */
const hopelessShare = 2;
/** A size that cannot be told so many times in a row is taken for too large. */
const maxFailures = 3;
/** Of what goes below the floor, workspaces must account for as much before one of them is stopped for it. */
const accountableShare = 0.5;
/** Of the floor: below it who has grown is stopped, and when it still goes on everything, whoever it was. */
const emergencyShare = 0.5;
/** Of the floor: others write to this disk too. */
const goingOnShare = 0.01;
/** So much time there is to see who grows, or two looks. */
const emergencyPatience = { ms: 1_000, looks: 2 };
/** What was measured before is no sign that somebody grows now. */
const growthIsKnownForMs = 5_000;
/** That the disk fills and no workspace accounts for it is said once in so long. */
const alarmIntervalMs = 60_000;

export interface DiskWatchOptions {
  /** What has to stay free on the disk of `dataDir`: below it nothing starts, and who still writes is stopped. */
  readonly minFreeBytes: number;
  readonly dataDir: string;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
  readonly measuring: Measuring;
  readonly stop: StopSandbox;
  readonly logger: Logger;
}

export interface DiskWatch {
  /** Asks for free space, and measures when it is time to, which goes on behind it. Gives the time until the next, in ms. */
  check(sandboxes: readonly WatchedSandbox[]): number;
  /** Why this sandbox must not start now, for people; null when nothing stands against it. */
  refusal(sandboxId: string): string | null;
}

interface Measure {
  readonly measuredAt: number;
  readonly bytes: number;
  /** On the whole disk, at the same time. */
  readonly freeBytes: number;
  /** Of processor time of its processes, until then. */
  readonly ticks: number;
  /** Bytes a second since the measure before. */
  readonly growth: number;
  /** Measures in a row that have failed. */
  readonly failures: number;
}

const unmeasured: Measure = { measuredAt: 0, bytes: 0, freeBytes: 0, ticks: 0, growth: 0, failures: 0 };

/** Measures workspaces from outside: one that is too large is stopped. */
export function watchDisk(options: DiskWatchOptions): DiskWatch {
  const { logger, minFreeBytes, measuring, stop } = options;
  /** Share of the limit that a stopped sandbox's workspace had. */
  const overfull = new Map<string, number>();
  /** Of each sandbox since its last start. */
  const measures = new Map<string, Measure>();
  let highestFreeBytes = Number.POSITIVE_INFINITY;
  let emergency: { readonly free: number; readonly since: number; readonly looks: number } | null = null;
  let nextLookAt = 0;
  let nextHurriedLookAt = 0;
  let nextAlarmAt = 0;
  let isLooking = false;
  let looks = 0;

  function freeBytes(): number {
    const { bavail, bsize } = statfsSync(options.dataDir);
    return bavail * bsize;
  }

  /** One whose size cannot be told does not keep the others from being measured. Gives the bytes that it grew by. */
  async function measure(sandbox: WatchedSandbox, ticks: number): Promise<number> {
    const { id, workspace, limits, pid } = sandbox;
    const key = keyOf(sandbox);
    const before = measures.get(key);
    const measuredAt = Date.now();
    const maxFiles = hopelessShare * limits.files;
    const { bwrapPath } = options;
    const use = await measuring
      .measure('workspace', { folder: workspace, rootPid: pid, maxFiles, bwrapPath })
      .catch((error: unknown) => ({ error }));
    if (use === null || 'error' in use) {
      const failures = (before?.failures ?? 0) + 1;
      measures.set(key, { ...(before ?? unmeasured), measuredAt: 0, failures });
      logger.error({ sandboxId: id, failures, ...use }, 'the size of a workspace could not be measured');
      if (failures >= maxFailures) stop(sandbox, 'the size of its workspace could not be measured');
      return 0;
    }
    const { bytes, files } = use;
    const grown = before?.measuredAt ? bytes - before.bytes : 0;
    const growth = before ? (1_000 * grown) / Math.max(1, measuredAt - before.measuredAt) : 0;
    measures.set(key, { measuredAt, bytes, freeBytes: freeBytes(), ticks, growth, failures: 0 });
    noteShare(sandbox, Math.max(bytes / limits.diskBytes, files / limits.files));
    return grown;
  }

  function noteShare(sandbox: WatchedSandbox, share: number): void {
    const before = overfull.get(sandbox.id) ?? 0;
    if (share <= 1) overfull.delete(sandbox.id);
    if (share <= Math.max(1, before + clearUpShare)) return;
    overfull.set(sandbox.id, share);
    stop(sandbox, 'its workspace is too large');
  }

  function isDue(sandbox: WatchedSandbox, ticks: number): boolean {
    const { measuredAt, ticks: ticksBefore } = measures.get(keyOf(sandbox)) ?? unmeasured;
    const isAtWork = ticks - ticksBefore > restingTicks || sandbox.lastActivityAt >= measuredAt;
    return isAtWork || Date.now() - measuredAt > restIntervalMs;
  }

  async function look(sandboxes: readonly WatchedSandbox[], isHurried: boolean): Promise<void> {
    const startedAt = Date.now();
    const beganAt = performance.now();
    const freeBefore = new Map(sandboxes.map((each) => [each, measures.get(keyOf(each))?.freeBytes]));
    const ticks = await measuring.measure(
      'ticks',
      sandboxes.map(({ pid }) => pid),
    );
    let grown = 0;
    for (const [index, sandbox] of sandboxes.entries()) {
      const own = ticks[index] ?? 0;
      if (isHurried || isDue(sandbox, own)) grown += Math.max(0, await measure(sandbox, own));
    }
    if (freeBytes() < minFreeBytes) stopFastest(sandboxes, { freeBefore, grown, startedAt });
    looks += 1;
    const endedAt = performance.now();
    const { least, most, perMsOfLooking } = intervalMs;
    nextLookAt = endedAt + Math.min(most, Math.max(least, perMsOfLooking * (endedAt - beganAt)));
    nextHurriedLookAt =
      endedAt + Math.max(hurriedIntervalMs.least, hurriedIntervalMs.perMsOfLooking * (endedAt - beganAt));
  }

  /** None of one that has not been measured since. */
  function growthOf(sandbox: WatchedSandbox, since: number): number {
    const { growth, measuredAt } = measures.get(keyOf(sandbox)) ?? unmeasured;
    return measuredAt < since ? 0 : growth;
  }

  /** Who grows fastest while the disk is full, if it is the workspaces that fill it. The next look finds the next one. */
  function stopFastest(
    sandboxes: readonly WatchedSandbox[],
    look: {
      readonly startedAt: number;
      readonly freeBefore: ReadonlyMap<WatchedSandbox, number | undefined>;
      /** Bytes by which workspaces have grown. */
      readonly grown: number;
    },
  ): void {
    const growths = sandboxes.map((sandbox) => ({ sandbox, growth: growthOf(sandbox, look.startedAt) }));
    const [fastest] = growths.toSorted((one, other) => other.growth - one.growth);
    const before = fastest && look.freeBefore.get(fastest.sandbox);
    if (!fastest || before === undefined) return;
    const gone = before - freeBytes();
    if (gone <= 0) return;
    if (look.grown >= accountableShare * gone && fastest.growth > 0)
      return stop(fastest.sandbox, 'the disk of this machine is full');
    if (Date.now() < nextAlarmAt) return;
    nextAlarmAt = Date.now() + alarmIntervalMs;
    logger.error(
      { goneBytes: gone, grownBytes: look.grown },
      'the disk fills up, and no workspace accounts for it',
    );
  }

  /** Below half of the floor who grows is stopped at once, whether he accounts for it or not. */
  function actInEmergency(sandboxes: readonly WatchedSandbox[], free: number): void {
    emergency ??= { free, since: Date.now(), looks };
    const growing = sandboxes.filter((each) => growthOf(each, Date.now() - growthIsKnownForMs) > 0);
    const isGoingOn = emergency.free - free > goingOnShare * minFreeBytes;
    const { ms, looks: needed } = emergencyPatience;
    const isOver = Date.now() - emergency.since > ms || looks - emergency.looks >= needed;
    const toStop = growing.length > 0 ? growing : isGoingOn && isOver ? sandboxes : [];
    for (const sandbox of toStop) stop(sandbox, 'the disk of this machine is full');
    // Who is being stopped may write until the next check.
    if (growing.length > 0) emergency = null;
  }

  return {
    check(sandboxes) {
      const free = freeBytes();
      const keys = new Set(sandboxes.map(keyOf));
      for (const key of measures.keys()) if (!keys.has(key)) measures.delete(key);
      if (free < emergencyShare * minFreeBytes) actInEmergency(sandboxes, free);
      else emergency = null;
      const isFull = free < minFreeBytes;
      const isHurried = highestFreeBytes - free > suspiciousBytes || (isFull && free < highestFreeBytes);
      if (free > highestFreeBytes) highestFreeBytes = free;
      if (!isLooking && performance.now() >= (isHurried ? nextHurriedLookAt : nextLookAt)) {
        isLooking = true;
        highestFreeBytes = free;
        look(sandboxes, isHurried)
          .catch((error: unknown) => logger.error({ error }, 'looking at the disk failed'))
          .finally(() => {
            isLooking = false;
          });
      }
      return free < tenseFloors * minFreeBytes ? checkMs.tense : checkMs.calm;
    },
    refusal(sandboxId) {
      if (freeBytes() < minFreeBytes) {
        return 'The disk of the sandbox host is full. Its operator has to make room there.';
      }
      return (overfull.get(sandboxId) ?? 0) > hopelessShare
        ? 'The workspace of this project is far too large to be entered. Delete the project.'
        : null;
    },
  };
}

function keyOf({ id, pid }: WatchedSandbox): string {
  return `${id} ${pid}`;
}
