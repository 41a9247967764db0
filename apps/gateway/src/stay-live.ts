import { limits } from './limits.ts';
import type { FeedListener, FrameBatch, RunFeed } from './run-feed.ts';
import { graceLeftMs, type Viewer, writeQueued } from './viewer.ts';

/** Why a viewer is no longer served from the live events. */
export type Interruption = 'ended' | 'waiting' | 'closed' | 'deleted' | 'behind' | 'read-again';

/** Waits for live events and writes them, until something else must be done. */
export function stayLive(viewer: Viewer, feed: RunFeed): Promise<Interruption> {
  return new Promise((resolve) => {
    const { signal } = viewer.stream;
    let graceTimer =
      viewer.endedAt === null ? undefined : setTimeout(() => settle('read-again'), graceLeftMs(viewer));
    const onClose = () => settle('closed');
    const listener: FeedListener = {
      onBatch(batch) {
        const outcome = writeBatch(viewer, batch);
        if (outcome !== 'written') settle(outcome);
      },
      onReconnect: () => settle('read-again'),
      onEnded() {
        if (viewer.endedAt !== null) return;
        viewer.endedAt = performance.now();
        settle('read-again');
      },
      onWaiting() {
        // The store has the wait before the log does; a log that does not come to show it is not waited for.
        if (!viewer.isAtWait) graceTimer ??= setTimeout(() => settle('waiting'), limits.stream.endGraceMs);
      },
      onQueued: (status, position) => writeQueued(viewer, status, position),
      onDeleted: () => settle('deleted'),
    };
    function settle(outcome: Interruption): void {
      clearTimeout(graceTimer);
      signal.removeEventListener('abort', onClose);
      feed.remove(listener);
      resolve(outcome);
    }
    feed.add(listener);
    signal.addEventListener('abort', onClose);
    if (signal.aborted) settle('closed');
    else if (feed.isDeleted) settle('deleted');
    else if (feed.isAheadOf(viewer.position)) settle('read-again');
    else if (feed.state?.isEnded) listener.onEnded();
    else if (feed.state?.waitEventId) listener.onWaiting();
  });
}

function writeBatch(viewer: Viewer, batch: FrameBatch): 'written' | 'ended' | 'behind' | 'read-again' {
  const { position } = viewer;
  const isNext = batch.previousOrdinal === (position?.ordinal ?? 0) && !viewer.reopensStep;
  // A viewer who was given nothing yet goes by his own word, and another epoch may write another log: the log must
  // confirm that what comes follows what he has.
  if (!isNext || (position && (!viewer.hasWritten || batch.first.epoch !== position.epoch)))
    return 'read-again';
  viewer.position = batch.last;
  viewer.hasLog = true;
  viewer.hasWritten = true;
  viewer.answeredWait = null;
  const isWithinBound = viewer.stream.write(batch.bytes);
  if (batch.isTerminal) return 'ended';
  viewer.isAtWait = batch.isWait;
  if (viewer.endsAtWait && batch.isWait) return 'read-again';
  return isWithinBound ? 'written' : 'behind';
}
