import type { FeedListener } from './run-feed.ts';
import type { RunFeeds } from './run-feeds.ts';

/** Resolves when the run has ended or was deleted, `waitMs` have passed, or the caller has gone. */
export async function awaitRunEnd(
  { feeds }: { readonly feeds: RunFeeds },
  runId: string,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const feed = await feeds.join(runId);
  try {
    // What ended before the feed was joined is not told by an event any more.
    await feeds.refresh(runId);
    if (feed.state?.isEnded || feed.isDeleted || signal.aborted) return;
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
        signal.removeEventListener('abort', settle);
        feed.remove(listener);
        resolve();
      }
      signal.addEventListener('abort', settle);
      feed.add(listener);
    });
  } finally {
    feeds.leave(feed);
  }
}
