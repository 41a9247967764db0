import { expireRunLog } from '@switchyard/bus';
import type { DeletedRuns, RequestedCancel, RunnableRun, StartedRun, StoppedRun } from '@switchyard/store';
import type { Gateway } from './gateway.ts';

/** A worker that has not heard of the deletion yet finds its log gone with its run. */
const deletedLogMs = 1;

type Queue = Pick<Gateway, 'queue' | 'logger'>;

/** Asks the queue for a worker. Never rejects: what it did not take, the sweep will add. */
export async function addToQueue(
  { queue, logger }: Queue,
  { runId, wakeup, priority }: RunnableRun,
): Promise<void> {
  try {
    await queue.add({ runId, wakeup, priority });
  } catch (error) {
    logger.warn({ error, runId, wakeup }, 'the queue did not take a run; the sweep will add it');
  }
}

/** Tells the queue and the workers what a start has changed. Never rejects: the store has it, and all look there. */
export async function announceStart(
  gateway: Queue & Pick<Gateway, 'control' | 'feeds'>,
  { run, wakeup, priority, cancelled, promoted }: StartedRun,
): Promise<void> {
  for (const stopped of cancelled) await announceStop(gateway, stopped);
  for (const next of promoted) await addToQueue(gateway, next);
  if (run.status === 'queued') await addToQueue(gateway, { runId: run.id, wakeup, priority });
}

/** The same of a cancel. */
export async function announceCancel(
  gateway: Queue & Pick<Gateway, 'control' | 'feeds'>,
  { run, wasEnded, endedBeforeClaim, promoted }: RequestedCancel,
): Promise<void> {
  if (!wasEnded) await announceStop(gateway, { run, endedBeforeClaim });
  for (const next of promoted) await addToQueue(gateway, next);
}

async function announceStop(
  { control, feeds, logger }: Pick<Gateway, 'control' | 'feeds' | 'logger'>,
  { run, endedBeforeClaim }: StoppedRun,
): Promise<void> {
  try {
    // Both only make it quicker: the worker reads the row at each step, the viewers' poll once a second.
    if (endedBeforeClaim) await feeds.refresh(run.id);
    else await control.publish(run.id, { type: 'cancel' });
  } catch (error) {
    logger.warn({ error, runId: run.id }, 'a cancel could not be announced');
  }
}

/**
 * The same of a deletion: workers abort what they are at, viewers are let go, and the logs, which hold what was said,
 * vanish before their time.
 */
export async function announceDeletion(
  gateway: Queue & Pick<Gateway, 'control' | 'feeds' | 'redis'>,
  { runs, promoted }: DeletedRuns,
): Promise<void> {
  const { control, feeds, redis, logger } = gateway;
  for (const { runId, wasOpen } of runs) {
    try {
      if (wasOpen) await control.publish(runId, { type: 'cancel' });
      await expireRunLog(redis, runId, deletedLogMs);
      await feeds.refresh(runId);
    } catch (error) {
      logger.warn({ error, runId }, 'a deletion could not be announced');
    }
  }
  for (const next of promoted) await addToQueue(gateway, next);
}
