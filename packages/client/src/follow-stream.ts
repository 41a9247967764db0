import { beforeSilence } from './before-silence.ts';
import { createEventStreamParser } from './parse-event-stream.ts';
import { pause, withJitter } from './pause.ts';
import { createStreamPlace, type FollowedEvent, isLast } from './stream-place.ts';
import { isRetryable, SwitchyardError, unreachable } from './switchyard-error.ts';

/** Events that arrived together, never none. */
export interface EventBatch {
  readonly events: readonly FollowedEvent[];
  /** Which connection brought them, from 1. */
  readonly connection: number;
}

export interface FollowOptions {
  /** Id (`<epoch>-<ordinal>`) of the last event that was seen; without it the run is replayed from its beginning. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long to go on trying without a single event from a server. Default 5 minutes. */
  readonly giveUpAfterMs?: number | undefined;
}

/** Opens one connection to the run's stream; rejects with SwitchyardError when the server refuses. */
export type OpenStream = (cursor: string | null, signal: AbortSignal) => Promise<Response>;

/** The server sends a comment every 15 s: three missed ones mean that the connection is dead. */
const silenceMs = 45_000;
/** A connection that held this long was a good one, though the run said nothing. Guess: longer than a machine takes to start. */
const steadyMs = 10_000;

/**
 * Yields the run's events in order, each once, over as many connections as it takes, and ends after the run's last
 * chunk (`finish`, `abort` or `error`): a connection that ends before it is only cut. Throws SwitchyardError for what
 * a retry does not mend, and the signal's reason.
 */
export async function* followStream(
  openStream: OpenStream,
  { after, signal, giveUpAfterMs = 300_000 }: FollowOptions,
): AsyncGenerator<EventBatch, void, void> {
  const place = createStreamPlace(after ?? null);
  let failures = 0;
  /** Time that went into attempts since the last good one. Counted, not measured: a machine that slept did not try. */
  let triedMs = 0;

  // Ends at the run's last chunk, at 204, at a refusal, when the signal aborts, or after giveUpAfterMs without an event.
  for (let connection = 1; ; connection += 1) {
    const openedAt = performance.now();
    let idleSince = openedAt;
    let failure: unknown = new Error('The stream ended before the run did.');
    let waitMs: number | null = null;
    const closing = new AbortController();
    const ended = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    const parser = createEventStreamParser();
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    try {
      const response = await beforeSilence(openStream(place.cursor, ended), { silenceMs, ended });
      // Only for a cursor at the run's end there is nothing to send.
      if (response.status === 204 && place.cursor !== null) return;
      reader = readerOf(response);
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await beforeSilence(reader.read(), { silenceMs, ended });
        if (done) break;
        const { events, fault } = place.take(parser.push(decoder.decode(value, { stream: true })));
        if (events.length > 0) {
          failures = 0;
          triedMs = 0;
          yield { events, connection };
          // The reader's own time is not the server's.
          idleSince = performance.now();
          if (events.some(({ chunk }) => isLast(chunk))) return;
        }
        if (fault) throw fault;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SwitchyardError) {
        if (!isRetryable(error)) throw error;
        waitMs = error.retryAfterMs;
      }
      failure = error;
    } finally {
      closing.abort();
      reader?.cancel().catch(() => undefined);
    }

    const now = performance.now();
    if (reader && now - openedAt > steadyMs) {
      failures = 0;
      triedMs = 0;
    }
    waitMs = withJitter(waitMs ?? parser.retryMs, failures);
    triedMs += Math.min(now - idleSince, silenceMs) + waitMs;
    if (triedMs > giveUpAfterMs) {
      throw failure instanceof SwitchyardError ? failure : unreachable(failure);
    }
    await pause(waitMs, signal);
    failures += 1;
  }
}

function readerOf({ headers, body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  const isStream = headers.get('content-type')?.includes('text/event-stream') ?? false;
  if (isStream && body) return body.getReader();
  // What stands between (a sign-in page of a network, a proxy) answered in the server's place.
  throw unreachable(new Error('The answer is no event stream.'));
}
