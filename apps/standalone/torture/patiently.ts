import { setTimeout as delay } from 'node:timers/promises';
import { SwitchyardError } from '@switchyard/client';
import { AppError } from '@switchyard/protocol';

/** Far above the outages that are made here. */
const patienceMs = 90_000;

/**
 * Repeats what may be repeated until it is answered: while services and gateways come and go, a refusal for now (no answer,
 * 429, 502 to 504) is no fault. Everything else is thrown, and that nothing answered for too long.
 */
export async function patiently<Answer>(action: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + patienceMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadline) throw error;
      await delay(Math.min(50 * 2 ** attempt, 1000));
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof SwitchyardError)
    return error.code === 'unreachable' || error.status === 429 || error.status > 500;
  if (error instanceof AppError) return error.code === 'unavailable';
  // Postgres, asked by the torture itself, and a fetch that found nobody.
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof TypeError || /^(ECONN|EPIPE|CONNECTION_|57P0)/.test(code);
}
