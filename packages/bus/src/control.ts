import { createChannelSubscriber } from './channel-subscriber.ts';
import { connectRedis } from './connect-redis.ts';
import { answered } from './deadline.ts';

/** What is said to the worker of a run. Additive: unknown types are ignored. */
export type ControlMessage = { readonly type: 'cancel' };

/** A hint between gateway and worker, never the truth: a message may be lost, the run's row is not. */
export interface Control {
  /** Resolves once the subscription stands; the returned function ends it. Rejects with AppError `unavailable`. */
  subscribe(runId: string, listener: (message: ControlMessage) => void): Promise<() => void>;
  /** Resolves once Redis has it, whether or not anybody listens. Rejects with AppError `unavailable`. */
  publish(runId: string, message: ControlMessage): Promise<void>;
  close(): Promise<void>;
}

/** Opens the process's connections for control messages: one to publish, one to listen. */
export function createControl(options: { readonly redisUrl: string }): Control {
  const subscriber = createChannelSubscriber({ ...options, name: 'switchyard-control' });
  const redis = connectRedis(options.redisUrl, { name: 'switchyard-control' });
  return {
    subscribe: async (runId, listener) =>
      await subscriber.subscribe(controlChannel(runId), {
        onMessage(text) {
          const message = parseControlMessage(text);
          if (message) listener(message);
        },
        onReconnect: () => undefined,
      }),
    async publish(runId, message) {
      await answered(redis.publish(controlChannel(runId), JSON.stringify(message)));
    },
    async close() {
      await subscriber.close();
      redis.disconnect();
    },
  };
}

function controlChannel(runId: string): string {
  return `run:{${runId}}:control`;
}

/** Null for what a newer release may say and this one does not know. */
function parseControlMessage(text: string): ControlMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return null;
  return value.type === 'cancel' ? { type: 'cancel' } : null;
}
