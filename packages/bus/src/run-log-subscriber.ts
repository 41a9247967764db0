import type { LoggedEvent } from './run-log.ts';

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
  throw new Error(`not built: ${options.redisUrl}`);
}
