import { type LoggedEvent, readRunLog, type Redis, type RunLogMeta } from '@switchyard/bus';
import {
  AppError,
  type EventPosition,
  formatEventId,
  isEnded,
  metadataOfRun,
  parseEventId,
  type Run,
  type RunStatus,
} from '@switchyard/protocol';
import { type Database, snapshot } from '@switchyard/store';
import type { EventStream } from './event-stream.ts';
import { limits } from './limits.ts';
import type { FeedListener, FrameBatch, RunFeed } from './run-feed.ts';
import type { RunFeeds } from './run-feeds.ts';
import { placeAfterWait } from './place-after-wait.ts';
import {
  baseFrames,
  endedRunFrames,
  lastPositionOf,
  missingEndFrames,
  openRunFrames,
  requestFrames,
  type StoredRun,
} from './run-snapshot.ts';
import { frameOfChunk, frameOfEvent, isTerminal, isWait } from './sse.ts';

/**
 * `ended`: the last event was written. `waiting`: the run waits for a person, and the view ends there. `closed`: the
 * viewer left. `lost`: he must come back, his place is not in the log. `deleted`: the run is no more; he was told that it
 * was stopped.
 */
export type FollowOutcome = 'ended' | 'waiting' | 'closed' | 'lost' | 'deleted';

/** How a viewer wants to see a run. */
export interface RunView {
  /** The last event that he has; null: from the beginning. */
  readonly cursor: EventPosition | null;
  /** A chat's: the client posts a person's answer only once the stream is over. */
  readonly endsAtWait?: boolean;
  /** A chat's after such an answer: the client keeps its message, of which the cursor is the end. */
  readonly continuesMessage?: boolean;
}

interface Viewer {
  readonly runId: string;
  readonly stream: EventStream;
  /** The last event that this viewer has, at first by his own word; null = he begins at the beginning. */
  position: EventPosition | null;
  /** Whether this connection was given an event: from then on it can only go on, never begin again. */
  hasWritten: boolean;
  /** When the run was known to have ended (`performance.now`); null while it goes on. */
  endedAt: number | null;
  readonly endsAtWait: boolean;
  /** Whether the last event written tells that the run waits for a person; it may have been answered since. */
  isAtWait: boolean;
  /** Whether there was a log when it was last read; a viewer who was shown something cannot go on in the next one. */
  hasLog: boolean;
  /** The wait that was answered, while nothing of what follows it was written. */
  answeredWait: EventPosition | null;
  /** The log shows the step that waited once more, from its beginning: the viewer has it, and is to take it anew. */
  reopensStep: boolean;
}

type Sources = { readonly redis: Redis; readonly sql: Database; readonly feeds: RunFeeds };

/**
 * Writes a run's events to one viewer, each once and in order, from after `cursor` to the run's end. The caller has
 * checked that he may read the run. Resolves when nothing more is to be written; ending or cutting the connection is
 * the caller's. Rejects with AppError `unavailable` when Redis or Postgres do not answer.
 *
 * First subscribe, then read the log, then the live events: whatever is appended meanwhile is in one of them.
 */
export function followRun(
  sources: Sources,
  {
    run,
    stream,
    cursor,
    endsAtWait = false,
    continuesMessage = false,
  }: RunView & { readonly run: Run; readonly stream: EventStream },
): Promise<FollowOutcome> {
  const viewer: Viewer = {
    runId: run.id,
    stream,
    position: cursor,
    hasWritten: continuesMessage,
    endedAt: endedAtOf(run),
    endsAtWait,
    isAtWait: continuesMessage,
    hasLog: true,
    answeredWait: continuesMessage ? cursor : null,
    reopensStep: false,
  };
  // Names the message to the client; the log has its own `start`, before the cursor.
  if (continuesMessage) stream.write(frameOfChunk({ type: 'start', messageId: run.messageId }));
  else if (run.startedAt === null && !isEnded(run.status)) writeQueued(viewer, run.status, null);
  // Apart, so that what waits for hours holds the viewer alone and not the run's row.
  return follow(sources, viewer);
}

async function follow(sources: Sources, viewer: Viewer): Promise<FollowOutcome> {
  const feed = await sources.feeds.join(viewer.runId);
  try {
    const { status, queuePosition } = feed.state ?? {};
    if (status && queuePosition) writeQueued(viewer, status, queuePosition);
    // Ends when the run's last event is written or the viewer is gone; each round but those waits for something new.
    for (;;) {
      const caughtUp = await catchUp(sources, viewer, feed);
      if (caughtUp !== 'live') return caughtUp;
      // One who joins by a cursor may have the wait itself already, and lack only the end of the view.
      const isJoining = !viewer.hasWritten && viewer.position !== null;
      if (viewer.endsAtWait && (viewer.isAtWait || isJoining)) {
        await sources.feeds.refresh(viewer.runId);
        const isWaiting = feed.state?.waitEventId === idOf(viewer.position);
        viewer.isAtWait = isWaiting;
        if (isWaiting && (await writeWait(sources.sql, viewer, feed)) === 'waiting') return 'waiting';
      }
      const interruption = await stayLive(viewer, feed);
      if (interruption === 'ended' || interruption === 'closed') return interruption;
      if (interruption === 'deleted') return writeDeleted(viewer);
      if (interruption === 'waiting') {
        const written = await writeWait(sources.sql, viewer, feed);
        if (written !== 'live') return written;
      }
      if (interruption === 'behind') await viewer.stream.drained();
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return writeDeleted(viewer);
    throw error;
  } finally {
    sources.feeds.leave(feed);
  }
}

/** The end for a viewer of a run that was deleted: there is nothing left that could say more. */
function writeDeleted({ stream }: Viewer): 'deleted' {
  stream.write(frameOfChunk({ type: 'abort' }));
  return 'deleted';
}

/** Serves a viewer from recent frames, the log and the store until only live events are missing. */
async function catchUp(
  { redis, sql }: Sources,
  viewer: Viewer,
  feed: RunFeed,
): Promise<FollowOutcome | 'live'> {
  const { first } = limits.stream.pageEvents;
  let count: number = first;
  let barrenReads = 0;
  // Ends when a read brings nothing new; the log is finite and each page moves the viewer on.
  for (;;) {
    if (viewer.stream.isClosed) return 'closed';
    const recent = viewer.reopensStep ? null : feed.framesAfter(viewer.position);
    if (recent) {
      const end = recent.at(-1);
      if (!end) return viewer.endedAt === null ? 'live' : atTheEnd(sql, viewer);
      await writeAll(viewer, Buffer.concat(recent.map((frame) => frame.bytes)), end);
      viewer.isAtWait = end.isWait;
      if (end.isTerminal) return 'ended';
      continue;
    }

    const { position } = viewer;
    const { events, meta } = await readRunLog(redis, viewer.runId, {
      afterOrdinal: Math.max((position?.ordinal ?? 0) - 1, 0),
      count,
    });
    const hadLog = viewer.hasLog;
    viewer.hasLog = meta !== null;
    if (!meta) {
      feed.forget();
      // Without a log nothing more will be appended: there is no worker to wait for.
      return viewer.endedAt === null ? 'live' : theRest(sql, viewer);
    }
    if (!hadLog && viewer.hasWritten && !viewer.answeredWait) return 'lost';
    const next = eventsAfter(position, events, meta);
    if (next === 'elsewhere' && viewer.answeredWait) {
      const place = await placeAfterWait(redis, viewer.runId, viewer.answeredWait);
      if (place === 'lost') return 'lost';
      Object.assign(viewer, place, { answeredWait: null });
      continue;
    }
    if (next === 'elsewhere') {
      if (viewer.hasWritten) return 'lost';
      viewer.position = null;
      if (position !== null) continue;
      const { born } = meta;
      const stored = await snapshot(sql, { runId: viewer.runId });
      const base = { epoch: born, ordinal: meta.base.ordinal };
      await writeAll(viewer, baseFrames(stored, meta.base, born), base);
      continue;
    }
    const last = next.at(-1);
    if (!last) {
      if (viewer.endedAt !== null) return atTheEnd(sql, viewer);
      if (!feed.isAheadOf(position)) return 'live';
      // Live events that the log does not have, again and again: Redis has come back without them.
      barrenReads += 1;
      if (barrenReads > 3) feed.forget();
      continue;
    }
    barrenReads = 0;
    await writeAll(viewer, framesFor(viewer, next), last);
    viewer.isAtWait = isWait(last.chunk);
    if (isTerminal(last.chunk)) return 'ended';
    count = nextPage(meta);
  }
}

/**
 * What a page of the log holds after a position, or `elsewhere` when the position is not in this log: the page was
 * read from the event before, so that the position itself is seen in it (ordinals alone do not tell, since a log that
 * was lost may have begun again below).
 */
function eventsAfter(
  position: EventPosition | null,
  events: readonly LoggedEvent[],
  meta: RunLogMeta,
): readonly LoggedEvent[] | 'elsewhere' {
  const { base, born } = meta;
  const [first] = events;
  if (!position) return base.ordinal === 0 ? events : 'elsewhere';
  // The base stands between stored steps; an event of a lost log with its ordinal may be one in mid-step.
  if (position.ordinal === base.ordinal) return position.epoch === born ? events : 'elsewhere';
  return first?.ordinal === position.ordinal && first.epoch === position.epoch
    ? events.slice(1)
    : 'elsewhere';
}

/** The events as this viewer takes them: a step that he has is taken anew, not a second time. */
function framesFor(viewer: Viewer, events: readonly LoggedEvent[]): string {
  const [first, ...rest] = events;
  const isReopened = viewer.reopensStep && first?.chunk.type === 'start-step';
  viewer.reopensStep = false;
  if (!isReopened) return events.map(frameOfEvent).join('');
  return [frameOfChunk({ type: 'reset-step' }, idOf(first)), ...rest.map(frameOfEvent)].join('');
}

/** How many events bring about `pageBytes`, by the average of this log. */
function nextPage({ bytes, lastOrdinal, base }: RunLogMeta): number {
  const { pageBytes, pageEvents } = limits.stream;
  const average = bytes / Math.max(1, lastOrdinal - base.ordinal);
  return Math.min(pageEvents.max, Math.max(pageEvents.min, Math.floor(pageBytes / Math.max(1, average))));
}

/** Writes and moves the viewer on; waits when he takes it too slowly. */
async function writeAll(viewer: Viewer, bytes: string | Uint8Array, position: EventPosition): Promise<void> {
  viewer.position = { epoch: position.epoch, ordinal: position.ordinal };
  viewer.hasWritten = true;
  viewer.answeredWait = null;
  if (!viewer.stream.write(bytes)) await viewer.stream.drained();
}

/** The run has ended and the log does not show its end: the worker gets a moment to append it. */
async function atTheEnd(sql: Database, viewer: Viewer): Promise<FollowOutcome | 'live'> {
  return graceLeftMs(viewer) > 0 ? 'live' : theRest(sql, viewer);
}

/** Serves the rest of an ended run from the store. */
async function theRest(sql: Database, viewer: Viewer): Promise<FollowOutcome> {
  const stored = await snapshot(sql, { runId: viewer.runId });
  if (!viewer.hasWritten) {
    await writeAll(viewer, endedRunFrames(stored), lastPositionOf(stored.run));
    return 'ended';
  }
  const missing = viewer.position && missingEndFrames(stored.run, viewer.position);
  if (missing === null) return 'lost';
  await writeAll(viewer, missing, lastPositionOf(stored.run));
  return 'ended';
}

/**
 * Shows from the store that the run waits, to a viewer whom the log does not show it; a view that ends there gets a
 * `finish` of our own, since the run's log goes on after it. `live` when the run went on already, or the view does.
 */
async function writeWait(sql: Database, viewer: Viewer, feed: RunFeed): Promise<'waiting' | 'lost' | 'live'> {
  const stored = await snapshot(sql, { runId: viewer.runId });
  if (stored.run.status !== 'awaiting-approval') return 'live';
  if (!viewer.isAtWait) {
    const frames = waitFrames(stored, viewer, feed.state?.waitEventId ?? null);
    if (frames === null) return 'lost';
    viewer.stream.write(frames);
  }
  if (viewer.endsAtWait) {
    const messageMetadata = metadataOfRun(stored.run);
    viewer.stream.write(frameOfChunk({ type: 'finish', finishReason: 'tool-calls', messageMetadata }));
    return 'waiting';
  }
  if (!viewer.isAtWait) {
    const data = { runId: viewer.runId, status: stored.run.status, epoch: viewer.position?.epoch ?? 0 };
    viewer.stream.write(frameOfChunk({ type: 'data-run', data, transient: true }));
  }
  viewer.hasWritten = true;
  viewer.isAtWait = true;
  return 'live';
}

/** What the viewer lacks of a wait; null when events before it are missing to him, which stand in no log any more. */
function waitFrames(
  stored: StoredRun,
  { hasWritten, hasLog, position }: Viewer,
  waitEventId: string | null,
): string | null {
  if (!hasWritten && (!hasLog || !position)) return openRunFrames(stored);
  const requests = requestFrames(stored);
  const wait = waitEventId === null ? null : parseEventId(waitEventId);
  const isMissingMore = wait !== null && wait.ordinal - (position?.ordinal ?? 0) > requests.length + 1;
  return isMissingMore ? null : requests.join('');
}

type Interruption = 'ended' | 'waiting' | 'closed' | 'deleted' | 'behind' | 'read-again';

/** Waits for live events and writes them, until something else must be done. */
function stayLive(viewer: Viewer, feed: RunFeed): Promise<Interruption> {
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

/** Tells a viewer that the run waits. No event of the log, so it has no id; clients show it and forget it. */
function writeQueued(viewer: Viewer, status: RunStatus, queuePosition: number | null): void {
  if (viewer.hasWritten || viewer.position) return;
  const data = {
    runId: viewer.runId,
    status,
    epoch: 0,
    ...(queuePosition === null ? {} : { queuePosition }),
  };
  viewer.stream.write(frameOfChunk({ type: 'data-run', data, transient: true }));
}

function idOf(position: EventPosition | null): string | null {
  return position && formatEventId(position);
}

function endedAtOf(run: Run): number | null {
  if (!isEnded(run.status)) return null;
  const agoMs = run.endedAt === null ? 0 : Math.max(0, Date.now() - Date.parse(run.endedAt));
  return performance.now() - agoMs;
}

function graceLeftMs({ endedAt }: Viewer): number {
  return endedAt === null ? 0 : Math.max(0, endedAt + limits.stream.endGraceMs - performance.now());
}
