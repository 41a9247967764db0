import type { FeedListener } from './run-feed.ts';
import type { RunFeeds } from './run-feeds.ts';

/** Resolves when the run has ended or was deleted, `waitMs` have passed, or one of `endedBy` is aborted. */
export async function awaitRunEnd(
  { feeds }: { readonly feeds: RunFeeds },
  runId: string,
  { waitMs, endedBy }: { readonly waitMs: number; readonly endedBy: readonly AbortSignal[] },
): Promise<void> {
  const feed = await feeds.join(runId);
  try {
    // What ended before the feed was joined is not told by an event any more.
    await feeds.refresh(runId);
    if (feed.state?.isEnded || feed.isDeleted || endedBy.some(({ aborted }) => aborted)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(settle, waitMs);
      const listener: FeedListener = {
        onBatch: (batch) => batch.isTerminal && settle(),
        onReconnect: () => undefined,
        onEnded: settle,
        onWaiting: () => undefined,
        onQueued: () => undefined,
        onDeleted: settle,
      };
      function settle(): void {
        clearTimeout(timer);
        for (const signal of endedBy) signal.removeEventListener('abort', settle);
        feed.remove(listener);
        resolve();
      }
      for (const signal of endedBy) signal.addEventListener('abort', settle);
      feed.add(listener);
    });
  } finally {
    feeds.leave(feed);
  }
}
