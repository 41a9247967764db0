import { Redis } from 'ioredis';
import { reconnectDelayMs } from './connect-redis.ts';
import { answered } from './deadline.ts';

/** Published messages of any number of channels over one connection. */
export interface ChannelSubscriber {
  /**
   * Resolves once the subscription stands; rejects with AppError `unavailable`. `onReconnect` is called each time the
   * connection came back and the channel is subscribed again: what was published meanwhile is lost.
   */
  subscribe(channel: string, listener: ChannelListener): Promise<() => void>;
  close(): Promise<void>;
}

/** Neither function may throw. */
export interface ChannelListener {
  onMessage(message: string): void;
  onReconnect(): void;
}

/** A connection that died without a word is found this soon. A guess. */
const heartbeatMs = 5000;

/** Opens the connection. */
export function createChannelSubscriber(options: {
  readonly redisUrl: string;
  readonly name: string;
}): ChannelSubscriber {
  const redis = new Redis(options.redisUrl, {
    connectionName: options.name,
    // Subscribing again is ours: onReconnect must come after it, not before.
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelayMs,
  });
  const channels = new Map<string, { listeners: Set<ChannelListener>; subscribed: Promise<unknown> }>();
  let isFirstConnection = true;

  redis.on('error', () => undefined);
  redis.on('message', (channel: string, message: string) => {
    for (const listener of channels.get(channel)?.listeners ?? []) listener.onMessage(message);
  });
  redis.on('ready', () => {
    const isReconnect = !isFirstConnection;
    isFirstConnection = false;
    if (isReconnect && channels.size > 0) void resubscribe([...channels.keys()]);
  });

  async function resubscribe(names: readonly string[]): Promise<void> {
    try {
      await redis.subscribe(...names);
    } catch {
      // The connection was lost again: the next `ready` does it.
      return;
    }
    for (const name of names) {
      for (const listener of channels.get(name)?.listeners ?? []) listener.onReconnect();
    }
  }

  const heartbeat = setInterval(() => {
    if (redis.status !== 'ready') return;
    answered(redis.ping(), heartbeatMs).catch(() => {
      if (redis.status === 'ready') redis.disconnect(true);
    });
  }, heartbeatMs);
  heartbeat.unref();

  function unsubscribe(channel: string, listener: ChannelListener): void {
    const entry = channels.get(channel);
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return;
    channels.delete(channel);
    // Lost with its connection or not: an unsubscribed channel has no listener here.
    redis.unsubscribe(channel).catch(() => undefined);
  }

  return {
    async subscribe(channel, given) {
      // A listener of its own for each call, so that one function may follow twice.
      const listener = { ...given };
      let entry = channels.get(channel);
      if (!entry) {
        entry = { listeners: new Set(), subscribed: redis.subscribe(channel) };
        channels.set(channel, entry);
      }
      entry.listeners.add(listener);
      try {
        await answered(entry.subscribed);
      } catch (error) {
        unsubscribe(channel, listener);
        throw error;
      }
      return () => unsubscribe(channel, listener);
    },
    async close() {
      clearInterval(heartbeat);
      channels.clear();
      redis.disconnect();
    },
  };
}
