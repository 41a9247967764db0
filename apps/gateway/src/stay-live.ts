import type { RunStatus } from '@switchyard/protocol';
import { limits } from './limits.ts';
import type { FeedListener, FrameBatch, RunFeed } from './run-feed.ts';
import { graceLeftMs, type Viewer, writeQueued } from './viewer.ts';

/** Why a viewer is no longer served from the live events. */
export type Interruption = 'ended' | 'waiting' | 'closed' | 'deleted' | 'behind' | 'read-again';

/**
 * Waits for live events and writes them, until something else must be done. `reconnects`: of the feed, before the log was
 * read last; what was published while the connection was away is in no event, and perhaps came after that read.
 */
export function stayLive(viewer: Viewer, feed: RunFeed, reconnects: number): Promise<Interruption> {
  return new Promise((resolve) => {
    new LiveViewer(viewer, feed, resolve).start(reconnects);
  });
}

/** A class, since thousands of them live at a time: each closure more would be one for every viewer. */
class LiveViewer implements FeedListener {
  readonly #viewer: Viewer;
  readonly #feed: RunFeed;
  readonly #resolve: (outcome: Interruption) => void;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(viewer: Viewer, feed: RunFeed, resolve: (outcome: Interruption) => void) {
    this.#viewer = viewer;
    this.#feed = feed;
    this.#resolve = resolve;
  }

  start(reconnects: number): void {
    const viewer = this.#viewer;
    const feed = this.#feed;
    if (viewer.endedAt !== null) this.#settleAfter(graceLeftMs(viewer), 'read-again');
    feed.add(this);
    viewer.stream.onClose = () => this.#settle('closed');
    if (viewer.stream.isClosed) this.#settle('closed');
    else if (feed.isDeleted) this.#settle('deleted');
    else if (feed.reconnects !== reconnects || feed.isAheadOf(viewer.position)) this.#settle('read-again');
    else if (feed.state?.isEnded) this.onEnded();
    else if (feed.state?.waitEventId) this.onWaiting();
  }

  onBatch(batch: FrameBatch): void {
    const outcome = writeBatch(this.#viewer, batch);
    if (outcome !== 'written') this.#settle(outcome);
  }

  onReconnect(): void {
    this.#settle('read-again');
  }

  onEnded(): void {
    if (this.#viewer.endedAt !== null) return;
    this.#viewer.endedAt = performance.now();
    this.#settle('read-again');
  }

  onWaiting(): void {
    // The store has the wait before the log does; a log that does not come to show it is not waited for.
    if (!this.#viewer.isAtWait && !this.#graceTimer) this.#settleAfter(limits.stream.endGraceMs, 'waiting');
  }

  onQueued(status: RunStatus, position: number | null): void {
    writeQueued(this.#viewer, status, position);
  }

  onDeleted(): void {
    this.#settle('deleted');
  }

  #settleAfter(ms: number, outcome: Interruption): void {
    this.#graceTimer = setTimeout(() => this.#settle(outcome), ms);
  }

  #settle(outcome: Interruption): void {
    clearTimeout(this.#graceTimer);
    this.#viewer.stream.onClose = null;
    this.#feed.remove(this);
    this.#resolve(outcome);
  }
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
  const isWithinBound = viewer.stream.writeShared(batch.frames);
  if (batch.isTerminal) return 'ended';
  viewer.isAtWait = batch.isWait;
  if (viewer.endsAtWait && batch.isWait) return 'read-again';
  return isWithinBound ? 'written' : 'behind';
}
