import { AppError } from '@switchyard/protocol';
import { pause, untilAborted } from './wait.ts';

/** What ioredis and Redis say while the server is away, starting, or changing hands. */
const redisAway =
  /^(Connection is closed|Command timed out|Stream isn't writeable|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/;
const socketCode = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENOENT)/;

/** True when the store or Redis is away, so that the same call may succeed later. */
export function isOutage(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'unavailable';
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return error.name === 'MaxRetriesPerRequestError' || redisAway.test(error.message) || socketCode.test(code);
}

/**
 * Calls the store until it answers: while it is away the call is repeated with a backoff until the signal is aborted,
 * which a lost lock does. `hasRetried` tells the call that an earlier attempt may have come through.
 */
export async function throughOutages<Value>(
  call: (hasRetried: boolean) => Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      // The store and Redis give up by themselves after some seconds.
      return await untilAborted(call(attempt > 0), signal);
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      await pause(Math.min(100 * 2 ** attempt, 2000), signal);
    }
  }
}
