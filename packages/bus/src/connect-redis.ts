import { Redis } from 'ioredis';

/**
 * Opens a connection for commands. A command that gets no answer within 5 s, or is cut off by a lost connection
 * twice, rejects instead of waiting for ever; the connection itself reconnects by itself, without end.
 * `name` shows in `CLIENT LIST`.
 */
export function connectRedis(url: string, options: { readonly name?: string } = {}): Redis {
  const redis = new Redis(url, {
    connectionName: options.name ?? 'switchyard',
    commandTimeout: 5000,
    maxRetriesPerRequest: 1,
    retryStrategy: reconnectDelayMs,
    socketTimeout: silenceMs,
  });
  // Without a listener ioredis prints each failed attempt; the commands themselves reject, so nothing is hidden.
  redis.on('error', () => undefined);
  return redis;
}

/**
 * A connection on which a command got no answer for this long is cut and made anew: one that died without a word
 * would otherwise swallow commands until the system gives up on it, after a quarter of an hour. A guess.
 */
export const silenceMs = 5000;

/** 50, 100, 150 … 1000 ms: soon back after a restart, no storm in an outage. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(attempt * 50, 1000);
}
