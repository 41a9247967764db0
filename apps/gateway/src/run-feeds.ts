import type { RunLogSubscriber, RunQueue } from '@switchyard/bus';
import { type Logger, withDeadline } from '@switchyard/process';
import { isEnded } from '@switchyard/protocol';
import { type Database, type FollowedRun, readFollowedRuns } from '@switchyard/store';
import { gathered } from './gather-events.ts';
import { limits } from './limits.ts';
import { RunFeed } from './run-feed.ts';

/** The runs that somebody follows on this process. */
export interface RunFeeds {
  readonly count: number;
  /**
   * Gives the run's feed, subscribed: what is appended from now on reaches it. Each `join` needs its `leave`.
   * Rejects with AppError `unavailable` when Redis does not answer.
   */
  join(runId: string): Promise<RunFeed>;
  leave(feed: RunFeed): void;
  /** Asks the store about one run now, since this process knows that something has changed. */
  refresh(runId: string): Promise<void>;
  /** Stops asking; the feeds themselves end with their viewers. */
  stop(): Promise<void>;
}

interface Entry {
  readonly feed: RunFeed;
  readonly unsubscribe: Promise<() => void>;
  joined: number;
}

/** Makes the registry. Once a second one query asks the store about all followed runs. */
export function createRunFeeds({
  subscriber,
  sql,
  queue,
  logger,
}: {
  readonly subscriber: RunLogSubscriber;
  readonly sql: Database;
  readonly queue: RunQueue;
  readonly logger: Logger;
}): RunFeeds {
  const entries = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let asking = Promise.resolve();

  async function update(feed: RunFeed, { runId, status, wakeup, waitEventId }: FollowedRun): Promise<void> {
    const position = status === 'queued' ? await queue.position({ runId, wakeup }) : null;
    feed.update({
      status,
      queuePosition: position,
      isEnded: isEnded(status),
      waitEventId: status === 'awaiting-approval' ? waitEventId : null,
    });
  }

  async function ask(runIds: readonly string[]): Promise<void> {
    const followed = new Map((await readFollowedRuns(sql, runIds)).map((run) => [run.runId, run]));
    for (const runId of runIds) {
      const feed = entries.get(runId)?.feed;
      const run = followed.get(runId);
      // Whoever follows a run has read it before: one that is missing was deleted.
      if (!run) feed?.delete();
      else if (feed) await update(feed, run);
    }
  }

  async function askAll(): Promise<void> {
    if (entries.size === 0) return;
    try {
      await withDeadline(ask([...entries.keys()]), {
        timeoutMs: 5 * limits.stream.pollMs,
        what: 'Asking for ended runs',
      });
    } catch (error) {
      logger.warn({ error }, 'followed runs cannot be read');
    }
  }

  // One round after the other, for as long as the process serves.
  function schedule(): void {
    timer = setTimeout(() => {
      asking = askAll().finally(() => {
        if (!isStopped) schedule();
      });
    }, limits.stream.pollMs);
  }
  schedule();

  function leaveEntry(runId: string, entry: Entry): void {
    entry.joined -= 1;
    if (entry.joined > 0) return;
    if (entries.get(runId) === entry) entries.delete(runId);
    entry.unsubscribe.then(
      (unsubscribe) => unsubscribe(),
      () => undefined,
    );
  }

  return {
    get count() {
      return entries.size;
    },
    async join(runId) {
      let entry = entries.get(runId);
      if (!entry) {
        const feed = new RunFeed(runId);
        entry = {
          feed,
          joined: 0,
          unsubscribe: subscriber.follow(
            runId,
            gathered((events) => feed.receive(events)),
            () => feed.reconnect(),
          ),
        };
        entries.set(runId, entry);
      }
      entry.joined += 1;
      try {
        await entry.unsubscribe;
      } catch (error) {
        leaveEntry(runId, entry);
        throw error;
      }
      return entry.feed;
    },
    leave(feed) {
      const entry = entries.get(feed.runId);
      if (entry?.feed === feed) leaveEntry(feed.runId, entry);
    },
    async refresh(runId) {
      if (entries.has(runId)) await ask([runId]);
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await asking;
    },
  };
}
