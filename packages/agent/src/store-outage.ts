import { withDeadline } from '@switchyard/process';
import { AppError } from '@switchyard/protocol';
import { pause, untilAborted } from './wait.ts';

/** One attempt of a statement; a guess, far above any p99 and below the time after which a run is thought stuck. */
const attemptMs = 10_000;

/** SQLSTATE classes 08 (connection), 53 (resources), 57P (shutdown) and 40 (serialization, deadlock) may pass. */
const passingState = /^(08|53|57P|40)/;
const passingCode =
  /^(CONNECTION_|CONNECT_TIMEOUT|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENOENT)/;

/** True when the store is away, so that the same call may succeed later. */
export function isOutage(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'unavailable';
  if (!(error instanceof Error)) return false;
  if (error.message.includes('took longer than')) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return passingState.test(code) || passingCode.test(code);
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
      const answer = withDeadline(call(attempt > 0), { timeoutMs: attemptMs, what: 'A call of the store' });
      return await untilAborted(answer, signal);
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      await pause(Math.min(100 * 2 ** attempt, 2000), signal);
    }
  }
}
