export type { Redis } from 'ioredis';
export { connectRedis } from './connect-redis.ts';
export {
  createRunQueue,
  type JobKey,
  type QueueCounts,
  type RunQueue,
  type RunQueueOptions,
} from './run-queue.ts';
export {
  DrainedError,
  JobForgottenError,
  LockLostError,
  type RunJob,
  type RunWorker,
  type RunWorkerOptions,
  startRunWorker,
} from './run-worker.ts';
export type { LogBase } from './log-base.ts';
export {
  type AppendOutcome,
  appendRunLog,
  expireRunLog,
  openRunLog,
  type OpenOutcome,
  type OpenRunLogRequest,
} from './run-log.ts';
export { type LoggedEvent, readRunLog, type RunLogMeta } from './read-run-log.ts';
export {
  createRunLogWriter,
  RunLogError,
  type RunLogWriter,
  type RunLogWriterOptions,
} from './run-log-writer.ts';
export { createRunLogSubscriber, type RunLogSubscriber } from './run-log-subscriber.ts';
export { type Control, type ControlMessage, createControl } from './control.ts';
export { withLease } from './lease.ts';
