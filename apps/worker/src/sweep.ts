import { type Redis, type RunQueue, withLease } from '@switchyard/bus';
import type { Logger } from '@switchyard/process';
import { type Database, findUnattendedRuns, raiseWakeup } from '@switchyard/store';

/** What a sweep works with. */
export interface Sweeper {
  readonly sql: Database;
  readonly redis: Redis;
  readonly queue: Pick<RunQueue, 'add' | 'hasLiveJob'>;
  readonly logger: Logger;
}

/** From the design: a run without a live job is found within 15 s and the next sweep, and moved within a minute. */
const defaults = { everyMs: 5000, olderThanMs: 15_000, limit: 100 };

/**
 * Finds runs that are queued or running without a live job and queues them under a new wakeup, every few seconds until
 * the signal is aborted. One process sweeps at a time.
 */
export async function sweepUntil(
  sweeper: Sweeper,
  signal: AbortSignal,
  options: Partial<typeof defaults> = {},
): Promise<void> {
  const { everyMs, olderThanMs, limit } = { ...defaults, ...options };
  while (!signal.aborted) {
    try {
      await withLease(sweeper.redis, { name: 'sweep', ttlMs: 2 * everyMs }, async (lease) => {
        await sweep(sweeper, { olderThanMs, limit, signal: AbortSignal.any([lease, signal]) });
      });
    } catch (error) {
      sweeper.logger.warn({ error }, 'sweep failed');
    }
    await rest(everyMs, signal);
  }
}

/** One sweep; answers how many runs it moved. */
export async function sweep(
  { sql, queue, logger }: Sweeper,
  options: { readonly olderThanMs: number; readonly limit: number; readonly signal: AbortSignal },
): Promise<number> {
  let moved = 0;
  const { signal, ...which } = options;
  for (const run of await findUnattendedRuns(sql, which)) {
    if (signal.aborted) break;
    const { runId, wakeup, priority, status } = run;
    if (await queue.hasLiveJob({ runId, wakeup })) continue;
    const raised = await raiseWakeup(sql, { runId, wakeup });
    if (!raised) continue;
    await queue.add({ runId, wakeup: raised.wakeup, priority });
    moved += 1;
    logger.info({ runId, status, wakeup: raised.wakeup }, 'run had no live job');
  }
  return moved;
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
