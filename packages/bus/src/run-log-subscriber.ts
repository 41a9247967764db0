import { createChannelSubscriber } from './channel-subscriber.ts';
import { type LoggedEvent, parseLogMessage } from './read-run-log.ts';
import { runLogChannel } from './run-log-keys.ts';

/** Live events of any number of runs over one connection. */
export interface RunLogSubscriber {
  /**
   * Resolves once the subscription stands: what is appended from then on reaches the listener, in order, several at a
   * time. Events may repeat ones that were read from the log. `onReconnect`: something may have been missed, read the
   * log again. Neither may throw. The returned function stops following. Rejects with AppError `unavailable`.
   */
  follow(
    runId: string,
    listener: (events: readonly LoggedEvent[]) => void,
    onReconnect: () => void,
  ): Promise<() => void>;
  close(): Promise<void>;
}

/** Opens the process's one connection for live events. */
export function createRunLogSubscriber(options: { readonly redisUrl: string }): RunLogSubscriber {
  const subscriber = createChannelSubscriber({ ...options, name: 'switchyard-events' });
  let latest: { message: string; events: readonly LoggedEvent[] } | null = null;
  /** All listeners of a channel get one message in a row: it is parsed for the first of them. */
  function parseOnce(message: string): readonly LoggedEvent[] {
    if (latest?.message !== message) latest = { message, events: parseLogMessage(message) };
    return latest.events;
  }
  return {
    follow: async (runId, listener, onReconnect) =>
      await subscriber.subscribe(runLogChannel(runId), {
        onMessage: (message) => listener(parseOnce(message)),
        onReconnect,
      }),
    close: async () => await subscriber.close(),
  };
}
