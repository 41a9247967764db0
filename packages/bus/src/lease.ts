import type { Redis } from 'ioredis';

/**
 * Runs the action if nobody else holds the lease of that name, and says whether it ran. The lease is renewed while the
 * action runs; its signal is aborted when the lease was lost nevertheless.
 */
export async function withLease(
  redis: Redis,
  options: { readonly name: string; readonly ttlMs: number },
  action: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  throw new Error(`not built: ${redis.status} ${options.name} ${action.name}`);
}
