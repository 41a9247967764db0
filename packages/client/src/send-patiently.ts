import { pause, withJitter } from './pause.ts';
import type { RequestOptions, SendRequest } from './request.ts';
import { SwitchyardError, unreachable } from './switchyard-error.ts';

/** A guess: longer than a gateway takes to start, shorter than a person looks at a message that does not leave. */
const patienceMs = 15_000;
/** A guess: a large file on a slow line takes so long to send. */
const deadlineMs = 120_000;

/**
 * Sends a request until something answers: one that broke or found no gateway is sent again for a while. So it must be one
 * that may be repeated. Resolves when the answer begins, and leaves its body to the caller and to `signal`.
 */
export async function sendPatiently(
  send: SendRequest,
  path: string,
  options: RequestOptions & { readonly signal: AbortSignal },
): Promise<Response> {
  const startedAt = performance.now();
  // Ends at an answer, at a refusal that no repetition mends, when the signal aborts, or when patience ends.
  for (let failures = 0; ; failures += 1) {
    try {
      return await sendInTime(send, path, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof SwitchyardError) || !isPassing(error)) throw error;
      const waitMs = withJitter(error.retryAfterMs, failures);
      if (performance.now() - startedAt + waitMs > patienceMs) throw error;
      await pause(waitMs, options.signal);
    }
  }
}

/** True when nothing was there to answer: a repetition may find it. What the API itself refuses is told at once. */
function isPassing({ code }: SwitchyardError): boolean {
  return code === 'unreachable' || code === 'unavailable';
}

/** Sends once; rejects when no answer begins in time. The deadline is off as soon as it has. */
export async function sendInTime(
  send: SendRequest,
  path: string,
  options: RequestOptions & { readonly signal: AbortSignal },
): Promise<Response> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), deadlineMs);
  try {
    return await send(path, { ...options, signal: AbortSignal.any([options.signal, deadline.signal]) });
  } catch (error) {
    if (deadline.signal.aborted) throw unreachable(new Error('No answer came.'));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
