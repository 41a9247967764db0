/** Resolves after `ms`; rejects with the signal's reason when it aborts before. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = () => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

const firstDelayMs = 100;
const maxDelayMs = 5000;

/** What the server asked for, or a delay that doubles; never the same for two clients that were cut together. */
export function withJitter(askedMs: number | null, failures: number): number {
  if (askedMs !== null) return askedMs * (1 + Math.random() / 4);
  const ceiling = Math.min(firstDelayMs * 2 ** failures, maxDelayMs);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}
