import { AppError } from '@switchyard/protocol';
import { defaultTimeoutMs, type RecoverOptions, recoverCall, type Recovery } from './recover-call.ts';
import { pause } from './wait.ts';

/** How long a sandbox that does not answer is waited for: twice what a machine needs to come back. A guess. */
const defaultPatienceMs = 60_000;
/** Each look has attempts and pauses of its own. */
const pauseMs = 1000;

/** True when the line to a sandbox failed: what was asked for may have happened all the same. */
export function isSandboxTrouble(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  return (
    error.code === 'sandbox_failed' || error.code === 'sandbox_unavailable' || error.code === 'sandbox_limit'
  );
}

/**
 * As `recoverCall`, but waits for a sandbox that is away, within the call's own time: `unknown` when it does not come
 * back. Rejects with the signal's reason when it is aborted.
 */
export async function recoverThroughOutage<Input>(
  options: RecoverOptions<Input> & {
    /** Makes the next opening look again. */
    readonly forgetSandbox: () => void;
    readonly patienceMs?: number;
  },
): Promise<Recovery> {
  const { tool, input, forgetSandbox, signal, patienceMs = defaultPatienceMs } = options;
  const beganAt = performance.now();
  const longestMs = patienceMs + (tool.timeoutMs?.(input) ?? defaultTimeoutMs);
  let awaySince = beganAt;
  for (;;) {
    const askedAt = performance.now();
    try {
      return await recoverCall(options);
    } catch (error) {
      signal.throwIfAborted();
      if (!isSandboxTrouble(error)) throw error;
      const now = performance.now();
      // A command that was followed for so long was there: this is another outage.
      if (now - askedAt > patienceMs) awaySince = now;
      if (now - awaySince > patienceMs || now - beganAt > longestMs) return { action: 'unknown' };
      forgetSandbox();
      await pause(pauseMs, signal);
    }
  }
}
