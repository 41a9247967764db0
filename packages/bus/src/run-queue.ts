import { Queue } from 'bullmq';
import { connectRedis } from './connect-redis.ts';
import { answered } from './deadline.ts';

/** Names one job: a run and the wakeup that made it runnable. The job's id is `<runId>.<wakeup>`. */
export interface JobKey {
  readonly runId: string;
  readonly wakeup: number;
}

/** How many jobs are in each state; finished jobs are removed and never counted. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  /** Those that rest after their execute threw. */
  readonly delayed: number;
}

/** The gateway's (and the sweep's) end of the queue. Every call rejects with AppError `unavailable` when Redis does not answer. */
export interface RunQueue {
  /**
   * Adds a job. `priority` 1 is served first, equal ones in order of arrival. An id that waits or is active is
   * swallowed: nothing is left when the active one ends, so a run that must run again gets a new wakeup first.
   */
  add(job: JobKey & { readonly priority: number }): Promise<void>;
  /** True while the job waits, rests or runs; also while it is active under a lock that has just ended. */
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

export const defaultQueueName = 'runs';
/** A hash tag: all keys of the queue in one slot of a cluster. */
export const queuePrefix = '{switchyard}';
/** What BullMQ can tell apart: 2^21. */
const lowestPriority = 2_097_152;

/** A job's id; BullMQ allows no colon in it. */
export function jobIdOf({ runId, wakeup }: JobKey): string {
  return `${runId}.${wakeup}`;
}

/** The run and wakeup that a job's id names, or null when it is not an id of ours. */
export function parseJobId(jobId: string): JobKey | null {
  const match = /^(.+)\.(\d+)$/.exec(jobId);
  return match?.[1] ? { runId: match[1], wakeup: Number(match[2]) } : null;
}

/** Opens the queue's end that adds jobs. The job carries its id only: what it is about stands in the database. */
export function createRunQueue(options: RunQueueOptions): RunQueue {
  const redis = connectRedis(options.redisUrl, { name: 'switchyard-queue' });
  const queue = new Queue(options.queueName ?? defaultQueueName, {
    connection: redis,
    prefix: queuePrefix,
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  });
  // The calls themselves reject; without a listener an event would end the process.
  queue.on('error', () => undefined);

  return {
    async add({ priority, ...job }) {
      await answered(
        queue.add(
          'run',
          {},
          { jobId: jobIdOf(job), priority: Math.min(Math.max(1, priority), lowestPriority) },
        ),
      );
    },
    async hasLiveJob(job) {
      const state = await answered(queue.getJobState(jobIdOf(job)));
      return state === 'waiting' || state === 'prioritized' || state === 'delayed' || state === 'active';
    },
    async position(job) {
      const jobId = jobIdOf(job);
      // Jobs of a lost worker stand in `wait`, which is served before the prioritised ones; its head is its right end.
      const [rank, ahead, fromHead] = await answered(
        Promise.all([
          redis.zrank(queue.toKey('prioritized'), jobId),
          redis.llen(queue.toKey('wait')),
          redis.lpos(queue.toKey('wait'), jobId, 'RANK', -1),
        ]),
      );
      if (typeof rank === 'number') return ahead + rank + 1;
      return typeof fromHead === 'number' ? ahead - fromHead : null;
    },
    async counts() {
      const counts = await answered(queue.getJobCounts('wait', 'prioritized', 'active', 'delayed'));
      return {
        waiting: (counts['wait'] ?? 0) + (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0),
        active: counts['active'] ?? 0,
        delayed: counts['delayed'] ?? 0,
      };
    },
    async close() {
      await answered(queue.close()).catch(() => undefined);
      redis.disconnect();
    },
  };
}
