import { DelayedError, type Job, WaitingError } from 'bullmq';
import { answered } from './deadline.ts';
import { openQueueClient, type QueueClient } from './queue-client.ts';
import { createRunQueue, defaultQueueName, jobIdOf, type JobKey, parseJobId } from './run-queue.ts';
import { watchFetching } from './watch-fetching.ts';

/** Why a job's signal was aborted: another worker may have the run by now, so nothing more may be written for it. */
export class LockLostError extends Error {
  constructor(runId: string) {
    super(`The lock of run ${runId} was lost.`);
    this.name = 'LockLostError';
  }
}

/** Why a job's signal was aborted: the drain time is over; hand the run over now. */
export class DrainedError extends Error {
  constructor() {
    super('The drain time is over.');
    this.name = 'DrainedError';
  }
}

/**
 * Why a job's signal was aborted: the queue has forgotten the job, as a Redis that was flushed has. Nobody else has the
 * run; hand it over, and the job is added anew.
 */
export class JobForgottenError extends Error {
  constructor(runId: string) {
    super(`The queue has forgotten the job of run ${runId}.`);
    this.name = 'JobForgottenError';
  }
}

export interface RunJob extends JobKey {
  /** Aborted with a LockLostError, a JobForgottenError or, by `close`, with a DrainedError. */
  readonly signal: AbortSignal;
}

export interface RunWorkerOptions {
  readonly redisUrl: string;
  /** Default `runs`. */
  readonly queueName?: string;
  /** How many jobs at once. */
  readonly concurrency: number;
  /** How long a lock lives without renewal. Default 5000. */
  readonly lockMs?: number;
  /** How often jobs without a lock are looked for. Default 1000. */
  readonly stalledMs?: number;
  /**
   * Does the job. `hand-over` gives it back to the queue, ahead of its equals, for another worker. It should not
   * throw: a job whose execute throws comes again after `retryMs`, as one whose worker died would.
   */
  readonly execute: (job: RunJob) => Promise<'done' | 'hand-over'>;
  /** How long a job rests whose execute threw. Default 5000, as long as a lost lock takes. */
  readonly retryMs?: number;
  /** How long jobs may wait beside a free slot before the queue's client is made anew. Default 30,000. */
  readonly stillMs?: number;
  /** Told of everything that goes wrong beside a job: lost connections, thrown executes. Must not throw. */
  readonly onError: (error: Error) => void;
  /** Told when a client that was made anew takes no job either: the process should end, and another take its place. */
  readonly onStuck: (error: Error) => void;
}

export interface RunWorker {
  /** True while it takes jobs. */
  isRunning(): boolean;
  activeCount(): number;
  /** Time since the last renewal of the run's lock was sent (monotonic), in ms; Infinity when the run is not here. */
  lockAgeMs(runId: string): number;
  /** Takes no further job; those that run go on. */
  pause(): void;
  /**
   * Takes no further job, gives the running ones `drainMs` to end, then aborts their signals, gives them a short
   * time to hand over, and disconnects. Never hangs, whatever Redis or a job does.
   */
  close(options: { readonly drainMs: number }): Promise<void>;
}

interface ActiveJob extends JobKey {
  readonly source: QueueClient;
  readonly token: string;
  readonly abort: AbortController;
  /** When the renewal that last succeeded was sent (monotonic): the lock lives at least from then on. */
  lockedAt: number;
}

/** After the drain time: what a run may take to store its state and go back into the queue. A guess. */
const handOverMs = 2000;

/**
 * Starts taking jobs at once. Locks are renewed here and not by BullMQ: a lock's age counts from when its renewal was
 * sent, so that a process that was frozen, or a Redis that was away, is noticed by the clock before any answer comes.
 */
export function startRunWorker(options: RunWorkerOptions): RunWorker {
  const { lockMs = 5000, stalledMs = 1000, retryMs = 5000, stillMs = 30_000, onError } = options;
  const { redisUrl, concurrency, queueName = defaultQueueName } = options;
  const active = new Map<string, ActiveJob>();
  let isPaused = false;
  let pausing: Promise<void> | null = null;
  let idle = Promise.withResolvers<void>();
  let takenCount = 0;
  const clientOptions = { redisUrl, queueName, concurrency, lockMs, stalledMs, process, onError };
  const queue = createRunQueue({ redisUrl, queueName });
  let client = openQueueClient(clientOptions);
  /** Clients that hung, until their running jobs have ended. */
  const retiring = new Set<QueueClient>();
  let rebuiltAt: number | null = null;
  const watch = watchFetching({
    queue,
    stillMs,
    hasFreeSlot: () => !isPaused && active.size < concurrency,
    takenCount: () => takenCount,
    onStill: rebuild,
  });
  const renewal = setInterval(() => void renewLocks(), Math.min(1000, lockMs / 5));

  function rebuild(): void {
    if (rebuiltAt !== null && takenCount === rebuiltAt)
      return options.onStuck(new Error('Jobs wait, and no client takes them.'));
    rebuiltAt = takenCount;
    onError(new Error(`Jobs waited for ${stillMs} ms beside a free slot: the queue's client is made anew.`));
    const old = client;
    // What the old one's jobs leave free; there is a free slot, or nobody would have missed a job.
    client = openQueueClient({ ...clientOptions, concurrency: concurrency - active.size });
    retiring.add(old);
    void old
      .retire()
      .catch(onError)
      .finally(() => retiring.delete(old));
  }

  async function process(source: QueueClient, job: Job, token: string | undefined): Promise<void> {
    const key = parseJobId(job.id ?? '');
    if (!key || token === undefined)
      return onError(new Error(`A job with the id ${String(job.id)} is not ours.`));
    // Taken by a fetch that was under way when the drain began.
    if (isPaused) return await handOver(source, job, token);
    const ageMs = Math.max(0, Date.now() - (job.processedOn ?? Date.now()));
    const entry: ActiveJob = {
      ...key,
      source,
      token,
      abort: new AbortController(),
      lockedAt: performance.now() - ageMs,
    };
    active.set(key.runId, entry);
    takenCount += 1;
    let outcome: 'done' | 'hand-over';
    try {
      outcome = await options.execute({ ...key, signal: entry.abort.signal });
    } catch (cause) {
      onError(new Error(`The execution of run ${key.runId} threw.`, { cause }));
      if (entry.abort.signal.aborted) return await putBack(source, job, token);
      await job.moveToDelayed(Date.now() + retryMs, token);
      throw new DelayedError();
    } finally {
      if (active.get(key.runId) === entry) active.delete(key.runId);
      const elsewhere = [...active.values()].filter((job) => job.source !== client);
      client.worker.concurrency = concurrency - elsewhere.length;
      if (active.size === 0) {
        idle.resolve();
        idle = Promise.withResolvers();
      }
    }
    if (outcome === 'hand-over') await handOver(source, job, token);
    if (isLockLost(entry)) await putBack(source, job, token);
    // Nothing is left in the queue that could be finished.
    if (entry.abort.signal.reason instanceof JobForgottenError) throw new WaitingError();
  }

  /** Never returns. A job that the queue has forgotten is added anew; its run goes on under the same wakeup. */
  async function handOver(source: QueueClient, job: Job, token: string): Promise<never> {
    try {
      return await putBack(source, job, token);
    } catch (error) {
      const key = parseJobId(job.id ?? '');
      if (error instanceof WaitingError || !key || (await isKnown(key))) throw error;
      await queue.add({ ...key, priority: job.opts.priority ?? 1 });
      throw new WaitingError();
    }
  }

  /** Never returns. When the lock was lost, Redis refuses the move and the job is the other worker's. */
  async function putBack({ worker, redis }: QueueClient, job: Job, token: string): Promise<never> {
    await job.moveToWait(token);
    // BullMQ 6.7 puts a prioritised job back without waking the workers that wait: it would lie until their fetch
    // times out. The marker is what its own `add` sets.
    await redis.zadd(worker.toKey('marker'), 0, '0');
    throw new WaitingError();
  }

  async function renewLocks(): Promise<void> {
    const sentAt = performance.now();
    for (const job of active.values()) if (sentAt - job.lockedAt >= lockMs) loseLock(job);
    // A lost lock is never renewed: another worker may have it, or shall have it as soon as this job has let go.
    const jobs = [...active.values()].filter((job) => !isLockLost(job));
    if (jobs.length === 0) return;
    const tokens = jobs.map((job) => job.token);
    try {
      const refused = await client.worker.extendJobLocks(jobs.map(jobIdOf), tokens, lockMs);
      for (const job of jobs) {
        if (!refused.includes(jobIdOf(job))) job.lockedAt = Math.max(job.lockedAt, sentAt);
        else if (await isKnown(job)) loseLock(job);
        else job.abort.abort(new JobForgottenError(job.runId));
      }
    } catch (error) {
      onError(new Error('The locks could not be renewed.', { cause: error }));
    }
  }

  async function isKnown(job: JobKey): Promise<boolean> {
    return (await answered(client.redis.exists(client.worker.toKey(jobIdOf(job))))) === 1;
  }

  function loseLock(job: ActiveJob): void {
    job.abort.abort(new LockLostError(job.runId));
  }

  /** Resolves when no job runs any more, or after the time. */
  async function whenIdle(ms: number): Promise<void> {
    if (active.size === 0 || ms <= 0) return;
    await answered(idle.promise, ms).catch(() => undefined);
  }

  /**
   * Ends the fetch that waits: it would eat the marker that tells of the next job, and the worker that could take the job
   * would find it only when its own fetch times out. The promise is BullMQ's and waits for the running jobs.
   */
  function pause(): Promise<void> {
    isPaused = true;
    pausing ??= client.worker.pause().catch(onError);
    return pausing;
  }

  async function close(drainMs: number): Promise<void> {
    const paused = pause();
    await whenIdle(drainMs);
    for (const job of active.values()) job.abort.abort(new DrainedError());
    // The pause connects anew at its end, and would do so behind the back of `close`.
    await Promise.all([whenIdle(handOverMs), answered(paused, handOverMs).catch(() => undefined)]);
    clearInterval(renewal);
    await watch.stop();
    await Promise.all([queue.close(), ...[client, ...retiring].map((open) => open.close(handOverMs))]);
  }

  return {
    isRunning: () => !isPaused && client.worker.isRunning() && client.redis.status === 'ready',
    activeCount: () => active.size,
    lockAgeMs(runId) {
      const job = active.get(runId);
      return job ? performance.now() - job.lockedAt : Infinity;
    },
    pause() {
      void pause();
    },
    close: async ({ drainMs }) => await close(drainMs),
  };
}

function isLockLost(job: ActiveJob): boolean {
  return job.abort.signal.reason instanceof LockLostError;
}
