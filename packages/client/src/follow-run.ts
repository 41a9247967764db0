import type { Chunk, RunEvent } from '@switchyard/protocol';
import { createEventStreamParser } from './parse-event-stream.ts';
import { isRetryable, SwitchyardError } from './switchyard-error.ts';

/** A chunk that stands in no log (queue positions, parts of a snapshot): it has no id and cannot be a cursor. */
export interface PassingEvent {
  readonly epoch: null;
  readonly ordinal: null;
  readonly chunk: Chunk;
}

/**
 * What a follower sees. A `start` chunk begins the message anew, also in mid-stream: the server replays from the
 * beginning when it no longer has what stood at the cursor.
 */
export type FollowedEvent = RunEvent | PassingEvent;

export interface FollowOptions {
  /** Id (`<epoch>-<ordinal>`) of the last event that was seen; without it the run is replayed from its beginning. */
  readonly after?: string;
  readonly signal?: AbortSignal;
  /** How long to go on trying without a single new byte from a server. Default 5 minutes. */
  readonly giveUpAfterMs?: number;
}

/** Opens one connection to the run's stream; rejects with SwitchyardError when the server refuses. */
export type OpenStream = (cursor: string | null, signal: AbortSignal) => Promise<Response>;

/** The server sends a comment every 15 s: three missed ones mean that the connection is dead. */
const silenceMs = 45_000;
const firstDelayMs = 100;
const maxDelayMs = 5000;

/**
 * Yields the run's events in order, reconnecting by cursor for as long as it takes, and ends after the run's last
 * chunk (`finish`, `abort` or `error`). Throws SwitchyardError for what a retry does not mend, and the signal's reason.
 */
export async function* followRun(
  openStream: OpenStream,
  options: FollowOptions,
): AsyncGenerator<FollowedEvent, void, void> {
  const giveUpAfterMs = options.giveUpAfterMs ?? 300_000;
  let cursor = options.after ?? null;
  let failures = 0;
  let retryMs: number | null = null;
  let aliveAt = performance.now();
  let isOver = false;

  // Ends at the run's last chunk, at 204, at a refusal, when the signal aborts, or after giveUpAfterMs without a byte.
  for (;;) {
    let failure: unknown;
    const connection = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, connection.signal]) : connection.signal;
    try {
      const response = await withSilenceLimit(openStream(cursor, signal), connection);
      if (response.status === 204 || !response.body) return;
      const parser = createEventStreamParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await withSilenceLimit(reader.read(), connection);
        if (done) break;
        aliveAt = performance.now();
        failures = 0;
        for (const frame of parser.push(decoder.decode(value, { stream: true }))) {
          if (frame.data === '[DONE]') return;
          const chunk = JSON.parse(frame.data) as Chunk;
          if (frame.id !== null) cursor = frame.id;
          isOver = chunk.type === 'finish' || chunk.type === 'abort' || chunk.type === 'error';
          yield eventOf(frame.id, chunk);
        }
        retryMs = parser.retryMs ?? retryMs;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof SwitchyardError && !isRetryable(error)) throw error;
      failure = error;
      retryMs = error instanceof SwitchyardError ? (error.retryAfterMs ?? retryMs) : retryMs;
    } finally {
      connection.abort();
    }
    if (isOver) return;
    if (performance.now() - aliveAt > giveUpAfterMs) throw unreachable(failure);
    await pause(retryMs ?? delayMs(failures), options.signal);
    retryMs = null;
    failures += 1;
  }
}

function eventOf(id: string | null, chunk: Chunk): FollowedEvent {
  const match = id === null ? null : /^(\d+)-(\d+)$/.exec(id);
  if (!match) return { epoch: null, ordinal: null, chunk };
  return { epoch: Number(match[1]), ordinal: Number(match[2]), chunk };
}

function delayMs(failures: number): number {
  const ceiling = Math.min(firstDelayMs * 2 ** failures, maxDelayMs);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

function unreachable(cause: unknown): SwitchyardError {
  if (cause instanceof SwitchyardError) return cause;
  return new SwitchyardError({
    code: 'unreachable',
    status: 0,
    detail: 'The server cannot be reached.',
    cause,
  });
}

async function withSilenceLimit<Value>(promise: Promise<Value>, connection: AbortController): Promise<Value> {
  const timer = setTimeout(() => connection.abort(new Error('The server fell silent.')), silenceMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new Error('Aborted.'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
