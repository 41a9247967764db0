/** Names one job: a run and the wakeup that made it runnable. The job's id is `<runId>.<wakeup>`. */
export interface JobKey {
  readonly runId: string;
  readonly wakeup: number;
}

/** How many jobs are in each state; finished jobs are removed and never counted. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

/** The gateway's (and the sweep's) end of the queue. Every call rejects with AppError `unavailable` when Redis does not answer. */
export interface RunQueue {
  /**
   * Adds a job. `priority` 1 is served first, equal ones in order of arrival. An id that is waiting or active is
   * swallowed by the queue: nothing is left when the active one ends, so a run that must run again gets a new wakeup.
   */
  add(job: JobKey & { readonly priority: number }): Promise<void>;
  /** True while the job waits, is delayed or runs. */
  hasLiveJob(job: JobKey): Promise<boolean>;
  /** The job's place among those that wait, from 1; null when it does not wait. */
  position(job: JobKey): Promise<number | null>;
  counts(): Promise<QueueCounts>;
  close(): Promise<void>;
}
export interface RunQueueOptions {
  readonly redisUrl: string;
  /** Default `runs`. */
  readonly queueName?: string;
}

/** Opens the queue's end that adds jobs. */
export function createRunQueue(options: RunQueueOptions): RunQueue {
  throw new Error(`not built: ${options.redisUrl}`);
}
