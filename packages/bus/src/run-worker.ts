import type { JobKey } from './run-queue.ts';

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

export interface RunJob extends JobKey {
  /** Aborted with a LockLostError or, by `close`, with a DrainedError. */
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
  /** Told of everything that goes wrong beside a job: lost connections, thrown executes. Must not throw. */
  readonly onError: (error: Error) => void;
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

/** Starts taking jobs at once. */
export function startRunWorker(options: RunWorkerOptions): RunWorker {
  throw new Error(`not built: ${options.redisUrl}`);
}
