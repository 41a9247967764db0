import type { Redis } from 'ioredis';
import type { Chunk } from '@switchyard/protocol';
import { createChunkBuffer } from './chunk-buffer.ts';
import { answered } from './deadline.ts';
import { createDeltaPace, flushEveryMs, paceOf } from './pace.ts';
import { appendEncoded, type AppendOutcome, encodeChunk } from './run-log.ts';

/**
 * Why a writer stopped: `lost`, `gone` and `hole` as `appendRunLog` says; `unavailable`: Redis did not take a batch
 * for `giveUpMs`; `closed`: the writer was closed before.
 */
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
   * Takes a chunk, in order. Deltas are merged and sent at most every 20 ms in the mean, tool events at once. The promise,
   * when there is one, resolves once the buffer has room again: await it. Throws or rejects with RunLogError after a failure.
   */
  write(chunk: Chunk): void | Promise<void>;
  /** Resolves once all that was written before is in the log; rejects with RunLogError. */
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
  /** Called once, when the writer stops for a reason of its own. Must not throw. */
  readonly onFailure: (error: RunLogError) => void;
  /** How much may wait before `write` asks its caller to wait, in bytes. Default 256 KiB. */
  readonly maxWaitingBytes?: number;
  /** How long a batch is tried again. Default 10 s: twice the lock's life, so a lost lock is noticed first. */
  readonly giveUpMs?: number;
}

/** Keeps one append below a millisecond of Redis's time (48,000 chunks a second were measured). */
const batchLimits = { maxChunks: 128, maxBytes: 256 * 1024 };
/** One attempt; a guess, well above any p99 and well below the lock's 5 s. */
const attemptMs = 2000;

/**
 * Makes the writer of one claim of a run. One batch is under way at a time; its chunks and ordinals are fixed when it
 * is first sent, so that a retry after a lost reply says the same again and the log skips what it has.
 */
export function createRunLogWriter(options: RunLogWriterOptions): RunLogWriter {
  const { maxWaitingBytes = 256 * 1024, giveUpMs = 10_000 } = options;
  const buffer = createChunkBuffer();
  const deltas = createDeltaPace();
  const waiters = new Set<Waiter>();
  let lastOrdinal = options.lastOrdinal;
  let acknowledged = 0;
  let dueAt = Infinity;
  let isSending = false;
  let timer: NodeJS.Timeout | undefined;
  let endPause: (() => void) | null = null;
  let stopped: { readonly outcome: RunLogError['outcome']; readonly cause?: unknown } | null = null;

  function stop(reason: NonNullable<typeof stopped>): void {
    if (stopped) return;
    stopped = reason;
    clearTimeout(timer);
    endPause?.();
    for (const waiter of waiters) waiter.reject(errorOf(reason));
    waiters.clear();
    if (reason.outcome !== 'closed') options.onFailure(errorOf(reason));
  }

  function isOpen(): boolean {
    return stopped === null;
  }

  /** Resolves after the time, or at once when the writer stops. */
  async function pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      endPause = resolve;
      setTimeout(resolve, ms);
    });
  }

  /** Resolves when `isMet`; looked at after each batch. */
  async function waitFor(isMet: () => boolean): Promise<void> {
    if (stopped) throw errorOf(stopped);
    if (isMet()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiters.add({ isMet, resolve, reject });
    await promise;
  }

  function schedule(due: number): void {
    if (due >= dueAt) return;
    dueAt = due;
    if (isSending) return;
    clearTimeout(timer);
    const delayMs = due - performance.now();
    // A microtask later, chunks that were written in one go travel together.
    if (delayMs <= 0) queueMicrotask(() => void send());
    else timer = setTimeout(() => void send(), delayMs);
  }

  async function send(): Promise<void> {
    if (isSending || stopped) return;
    isSending = true;
    while (isOpen() && buffer.length > 0 && dueAt <= performance.now() + 1) {
      const chunks = buffer.take(batchLimits);
      const { taken } = buffer;
      if (buffer.length === 0) dueAt = Infinity;
      if (chunks.some((chunk) => paceOf(chunk) === 'delta')) deltas.sent(performance.now());
      await append(chunks);
      acknowledged = taken;
      settle();
    }
    isSending = false;
    const due = dueAt;
    dueAt = Infinity;
    if (!stopped && buffer.length > 0) schedule(due);
  }

  function settle(): void {
    for (const waiter of waiters) {
      if (stopped || !waiter.isMet()) continue;
      waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Ends when the batch is in the log or the writer has failed; never throws. */
  async function append(chunks: readonly Chunk[]): Promise<void> {
    const { redis, runId, epoch } = options;
    const entries = chunks.map(encodeChunk);
    const firstOrdinal = lastOrdinal + 1;
    lastOrdinal += entries.length;
    const startedAt = performance.now();
    for (let attempt = 0; isOpen(); attempt += 1) {
      let outcome: AppendOutcome['outcome'];
      try {
        ({ outcome } = await answered(
          appendEncoded(redis, { runId, epoch, firstOrdinal, entries }),
          attemptMs,
        ));
      } catch (cause) {
        if (performance.now() - startedAt > giveUpMs) stop({ outcome: 'unavailable', cause });
        else await pause(Math.min(25 * 2 ** attempt, 500));
        continue;
      }
      if (outcome !== 'appended') stop({ outcome });
      return;
    }
  }

  return {
    write(chunk) {
      if (stopped) throw errorOf(stopped);
      buffer.push(chunk);
      const now = performance.now();
      switch (paceOf(chunk)) {
        case 'delta':
          schedule(deltas.dueAt(now));
          break;
        case 'frame':
          schedule(now + flushEveryMs);
          break;
        case 'now':
          schedule(now);
          break;
      }
      if (buffer.bytes <= maxWaitingBytes) return undefined;
      schedule(now);
      const room = waitFor(() => buffer.bytes <= maxWaitingBytes / 2);
      // A caller that ended for the same failure may not look at it any more.
      room.catch(() => undefined);
      return room;
    },
    async flush() {
      const { pushed } = buffer;
      if (buffer.length > 0) schedule(performance.now());
      await waitFor(() => acknowledged >= pushed);
    },
    get lastOrdinal() {
      return lastOrdinal;
    },
    close() {
      stop({ outcome: 'closed' });
    },
  };
}

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: RunLogError) => void;
}

function errorOf({ outcome, cause }: { outcome: RunLogError['outcome']; cause?: unknown }): RunLogError {
  return new RunLogError(outcome, { cause });
}
