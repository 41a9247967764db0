import type { Redis } from 'ioredis';
import type { Chunk } from '@switchyard/protocol';

/** Why a writer stopped: `lost`, `gone` and `hole` as `appendRunLog` says, `unavailable` when Redis does not answer. */
export class RunLogError extends Error {
  readonly outcome: 'lost' | 'gone' | 'hole' | 'unavailable' | 'closed';

  constructor(outcome: RunLogError['outcome'], options: { readonly cause?: unknown } = {}) {
    super(`The run's log cannot be written: ${outcome}.`, options);
    this.name = 'RunLogError';
    this.outcome = outcome;
  }
}

export interface RunLogWriter {
  /**
   * Takes a chunk, in order. Deltas are merged and sent at most every 20 ms, tool events at once. The promise, when
   * there is one, resolves once the buffer has room again: await it. Throws or rejects with RunLogError after a failure.
   */
  write(chunk: Chunk): void | Promise<void>;
  /** Resolves once all that was written is in the log; rejects with RunLogError. */
  flush(): Promise<void>;
  /** The highest ordinal ever assigned; after a `flush` that of the last chunk. */
  readonly lastOrdinal: number;
  /** Drops what is not sent, stops the timers; never waits. Flush first. */
  close(): void;
}

export interface RunLogWriterOptions {
  readonly redis: Redis;
  readonly runId: string;
  readonly epoch: number;
  /** As the open answered. */
  readonly lastOrdinal: number;
  /** Called once, when the writer stops for a reason of its own. */
  readonly onFailure: (error: RunLogError) => void;
}

/** Makes the writer of one claim of a run. */
export function createRunLogWriter(options: RunLogWriterOptions): RunLogWriter {
  throw new Error(`not built: ${options.runId}`);
}
