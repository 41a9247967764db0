import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { answered } from './deadline.ts';
import { releaseLeaseScript, renewLeaseScript } from './scripts/lease.ts';
import { runScript } from './scripts/script.ts';

/**
 * Runs the action if nobody else holds the lease of that name, and says whether it ran. The lease is renewed while the
 * action runs; its signal is aborted when the lease could not be renewed within its life. A lease keeps work from
 * being done twice for nothing; it is no fence. Rejects with AppError `unavailable`, or with what the action throws.
 */
export async function withLease(
  redis: Redis,
  options: { readonly name: string; readonly ttlMs: number },
  action: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const { ttlMs } = options;
  const key = `lease:{${options.name}}`;
  const token = randomUUID();
  let renewedAt = performance.now();
  if ((await answered(redis.set(key, token, 'PX', ttlMs, 'NX'))) !== 'OK') return false;

  const lost = new AbortController();
  const abort = () => lost.abort(new Error(`The lease ${options.name} was lost.`));
  async function renew(): Promise<void> {
    const sentAt = performance.now();
    if (sentAt - renewedAt > ttlMs) abort();
    try {
      const reply = await answered(runScript(redis, renewLeaseScript, [key], [token, ttlMs]), ttlMs);
      if (reply === 1) renewedAt = sentAt;
      else abort();
    } catch {
      // No answer: the next turn tries again, until the lease's life is over.
    }
  }
  const timer = setInterval(() => void renew(), ttlMs / 3);
  try {
    await action(lost.signal);
    return true;
  } finally {
    clearInterval(timer);
    // Not given back, it ends by itself after its ttl.
    await answered(runScript(redis, releaseLeaseScript, [key], [token])).catch(() => undefined);
  }
}
