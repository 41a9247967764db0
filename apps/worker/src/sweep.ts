import { setTimeout as delay } from 'node:timers/promises';
import { type Redis, type RunQueue, withLease } from '@switchyard/bus';
import type { Logger } from '@switchyard/process';
import {
  type Blobs,
  type Database,
  findLooseObjects,
  findTroubledRuns,
  forgetObjects,
  type RunTrouble,
  wakeRun,
} from '@switchyard/store';

/** What a sweep works with. */
export interface SweepSources {
  readonly sql: Database;
  readonly redis: Redis;
  readonly queue: Pick<RunQueue, 'add' | 'hasLiveJob'>;
  readonly blobs: Pick<Blobs, 'remove'>;
  readonly logger: Logger;
}

export interface SweepPolicy {
  readonly everyMs: number;
  /** A run that nobody touched for so long is asked for in the queue. */
  readonly untouchedMs: number;
  /** A run that was asked to stop so long ago, and goes on, is taken from its worker. */
  readonly cancellingMs: number;
  /** Uploads that nobody took up for so long are removed. */
  readonly unclaimedMs: number;
  /** Rows a question. */
  readonly pageSize: number;
}

/**
 * From the design: a run without a live job is found within 15 s and the next sweep, and moved within a minute. A worker
 * sees a cancel within 5 s by its poll, and may then seal calls for 5 s each; a day for uploads is a guess.
 */
export const sweepPolicy: SweepPolicy = {
  everyMs: 5000,
  untouchedMs: 15_000,
  cancellingMs: 60_000,
  unclaimedMs: 86_400_000,
  pageSize: 100,
};

/** What this process has swept so far: one process sweeps at a time, the others stand by. */
export interface SweepReport {
  sweeps: number;
  /** When the last one ended, ISO 8601, and how long it took. */
  lastAt: string | null;
  lastMs: number | null;
  readonly woken: Record<RunTrouble, number>;
  objects: number;
}

export interface Sweeper {
  readonly report: SweepReport;
  /** Sweeps every few seconds, unless another process does, until the signal is aborted. Never rejects. */
  sweepUntil(signal: AbortSignal): Promise<void>;
  /** One sweep, whoever else sweeps. */
  sweep(signal: AbortSignal): Promise<void>;
}

/** Makes the one who finds what fell through: runs that nobody works on or ends, and uploads that nobody wanted. */
export function createSweeper(sources: SweepSources, changes: Partial<SweepPolicy> = {}): Sweeper {
  const policy = { ...sweepPolicy, ...changes };
  const { redis, logger } = sources;
  const report: SweepReport = {
    sweeps: 0,
    lastAt: null,
    lastMs: null,
    woken: { unattended: 0, uncancelled: 0, stranded: 0, expired: 0 },
    objects: 0,
  };

  async function sweep(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    await wakeTroubledRuns(sources, policy, { signal, onWoken: (trouble) => (report.woken[trouble] += 1) });
    report.objects += await removeLooseObjects(sources, policy);
    report.sweeps += 1;
    report.lastAt = new Date().toISOString();
    report.lastMs = Math.round(performance.now() - startedAt);
  }

  return {
    report,
    sweep,
    async sweepUntil(signal) {
      while (!signal.aborted) {
        try {
          const lease = { name: 'sweep', ttlMs: 2 * policy.everyMs };
          // Kept between the sweeps: however many workers there are, the questions are asked once.
          await withLease(redis, lease, async (lost) => {
            const over = AbortSignal.any([lost, signal]);
            while (!over.aborted) {
              await sweep(over);
              await delay(policy.everyMs, undefined, { signal: over }).catch(() => undefined);
            }
          });
        } catch (error) {
          logger.warn({ error }, 'sweep failed');
        }
        await delay(policy.everyMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** Goes through all runs that may be troubled, page by page: those of living workers are among them. */
async function wakeTroubledRuns(
  { sql, queue, logger }: SweepSources,
  { untouchedMs, cancellingMs, pageSize: limit }: SweepPolicy,
  { signal, onWoken }: { readonly signal: AbortSignal; readonly onWoken: (trouble: RunTrouble) => void },
): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await findTroubledRuns(sql, { untouchedMs, cancellingMs, limit, after });
    for (const { runId, wakeup, priority, status, trouble } of page) {
      if (signal.aborted) return;
      // What waits in the queue is ended when its turn comes, and would lose its place by a new job.
      const mayWait = trouble === 'unattended' || status === 'queued';
      if (mayWait && (await queue.hasLiveJob({ runId, wakeup }))) continue;
      const raised = await wakeRun(sql, { runId, wakeup });
      if (!raised) continue;
      await queue.add({ runId, wakeup: raised.wakeup, priority });
      onWoken(trouble);
      logger.info({ runId, status, trouble, wakeup: raised.wakeup }, 'run was woken');
    }
    if (page.length < limit) return;
    after = page.at(-1)?.runId;
  }
}

/** One page a sweep: nobody waits for it. Answers how many. */
async function removeLooseObjects(
  { sql, blobs, logger }: SweepSources,
  { unclaimedMs, pageSize: limit }: SweepPolicy,
): Promise<number> {
  const keys = await findLooseObjects(sql, { unclaimedMs, limit });
  if (keys.length === 0) return 0;
  await blobs.remove(keys);
  await forgetObjects(sql, keys);
  logger.info({ objects: keys.length }, 'objects that belong to nobody were removed');
  return keys.length;
}
