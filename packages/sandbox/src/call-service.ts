import { setTimeout as delay } from 'node:timers/promises';
import { DeadlineError, sortFailure } from './service-errors.ts';

const maxAttempts = 4;
/** Doubled each time: 200, 400, 800 ms (guess: a service that restarts behind its proxy). */
const backoffMs = 200;
/** Who is asked to wait longer fails instead, so that the model can do something else. A guess. */
const maxRetryAfterMs = 30_000;

export interface ServiceCall {
  /** For logs. */
  readonly what: string;
  /** Of all attempts together, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The same request twice does what it does once. */
  readonly isRepeatable: boolean;
}

/** Rejects when the signal is aborted or the time is over; the SDK's own request ends in its own time. */
function limit<Value>(action: Promise<Value>, call: ServiceCall, timeoutMs: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => finish(() => reject(new DeadlineError(call.what, call.timeoutMs))),
      timeoutMs,
    );
    const onAbort = (): void => finish(() => reject(call.signal.reason));
    function finish(settle: () => void): void {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', onAbort);
      settle();
    }
    call.signal.addEventListener('abort', onAbort, { once: true });
    action.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error)),
    );
  });
}

/**
 * Makes one call of the SDK with our deadline, retries what is safe, and throws `AppError`, `SandboxGoneError` or
 * `StateConflictError`; the signal's reason when it was aborted.
 */
export async function callService<Value>(call: ServiceCall, action: () => Promise<Value>): Promise<Value> {
  const deadline = performance.now() + call.timeoutMs;
  for (let attempt = 1; ; attempt++) {
    call.signal.throwIfAborted();
    try {
      return await limit(action(), call, Math.max(1, deadline - performance.now()));
    } catch (thrown) {
      call.signal.throwIfAborted();
      const { error, retry, retryAfterMs } = sortFailure(thrown);
      // Never earlier than the service asks for.
      const pauseMs = retryAfterMs ?? backoffMs * 2 ** (attempt - 1);
      const mayRetry = retry === 'always' || (retry === 'when-repeatable' && call.isRepeatable);
      const isTooLong = pauseMs > maxRetryAfterMs || performance.now() + pauseMs >= deadline;
      if (!mayRetry || attempt === maxAttempts || isTooLong) throw error;
      await delay(pauseMs, undefined, { signal: call.signal }).catch(() => undefined);
    }
  }
}
