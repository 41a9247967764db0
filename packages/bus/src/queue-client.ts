import { type Job, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { reconnectDelayMs, silenceMs } from './connect-redis.ts';
import { answered } from './deadline.ts';
import { queuePrefix } from './run-queue.ts';

export interface QueueClientOptions {
  readonly redisUrl: string;
  readonly queueName: string;
  readonly concurrency: number;
  readonly lockMs: number;
  readonly stalledMs: number;
  readonly process: (client: QueueClient, job: Job, token: string | undefined) => Promise<void>;
  readonly onError: (error: Error) => void;
}

/** BullMQ's worker and its connections: what can be thrown away and made anew while jobs go on. */
export interface QueueClient {
  readonly worker: Worker;
  readonly redis: Redis;
  /** Takes no further job, lets the running ones end, and disconnects. */
  retire(): Promise<void>;
  /** Disconnects, whatever runs and whether or not Redis answers; takes at most twice `withinMs`. */
  close(withinMs: number): Promise<void>;
}

/** Opens a client that takes jobs at once. */
export function openQueueClient(options: QueueClientOptions): QueueClient {
  const redis = new Redis(options.redisUrl, {
    connectionName: 'switchyard-worker',
    // BullMQ's condition: its commands wait for Redis to come back.
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelayMs,
    socketTimeout: silenceMs,
  });
  redis.on('error', () => undefined);

  const worker = new Worker(options.queueName, (job, token) => options.process(client, job, token), {
    connection: redis,
    prefix: queuePrefix,
    concurrency: options.concurrency,
    lockDuration: options.lockMs,
    // A lock's age counts from when its renewal was sent: see startRunWorker.
    skipLockRenewal: true,
    stalledInterval: options.stalledMs,
    // With a limit, a second crash would fail the job and nobody would run it; `crashes` of the run is the judge.
    maxStalledCount: 1_000_000_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    // How long it waits after a failed fetch; the default of 15 s would prolong each outage by as much.
    runRetryDelay: 1000,
    // Seconds that a fetch waits for a job; below `silenceMs`, or its connection would pass for dead.
    drainDelay: 2,
  });
  worker.on('error', options.onError);

  const client: QueueClient = {
    worker,
    redis,
    async retire() {
      try {
        await worker.close();
      } finally {
        redis.disconnect();
      }
    },
    async close(withinMs) {
      await answered(worker.close(true), withinMs).catch(() => undefined);
      await answered(worker.disconnect(), withinMs).catch(() => undefined);
      redis.disconnect();
    },
  };
  return client;
}
