import { type LoggedEvent, readRunLog, type RunLogMeta } from '@switchyard/bus';
import type { EventPosition } from '@switchyard/protocol';
import { type Database, snapshot } from '@switchyard/store';
import { limits } from './limits.ts';
import { placeAfterWait } from './place-after-wait.ts';
import type { RunFeed } from './run-feed.ts';
import { lastPositionOf, missingEndFrames, replayEnded, replayToBase } from './run-snapshot.ts';
import { frameOfChunk, frameOfEvent, isTerminal, isWait } from './sse.ts';
import {
  type FollowOutcome,
  graceLeftMs,
  idOf,
  type Sources,
  type Viewer,
  writeAll,
  writeReplay,
} from './viewer.ts';

/** Serves a viewer from recent frames, the log and the store until only live events are missing. */
export async function catchUp(
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
      if (!end) return viewer.endedAt === null ? 'live' : atTheEnd(sql, viewer, feed);
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
      return viewer.endedAt === null ? 'live' : theRest(sql, viewer, feed);
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
      const { base, baseEpoch } = meta;
      const toBase = `${baseEpoch}-${base.ordinal}`;
      const replay = await feed.once(toBase, async () =>
        replayToBase(await snapshot(sql, { runId: viewer.runId }), base, baseEpoch),
      );
      await writeReplay(viewer, replay);
      continue;
    }
    const last = next.at(-1);
    if (!last) {
      if (viewer.endedAt !== null) return atTheEnd(sql, viewer, feed);
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
 * was lost may have begun again below). A place that was trimmed away is `elsewhere`, too.
 */
function eventsAfter(
  position: EventPosition | null,
  events: readonly LoggedEvent[],
  meta: RunLogMeta,
): readonly LoggedEvent[] | 'elsewhere' {
  const { base, baseEpoch } = meta;
  const [first] = events;
  if (!position) return base.ordinal === 0 ? events : 'elsewhere';
  // The base stands between stored steps; an event of a lost log with its ordinal may be one in mid-step.
  if (position.ordinal === base.ordinal) return position.epoch === baseEpoch ? events : 'elsewhere';
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

/** The run has ended and the log does not show its end: the worker gets a moment to append it. */
async function atTheEnd(sql: Database, viewer: Viewer, feed: RunFeed): Promise<FollowOutcome | 'live'> {
  return graceLeftMs(viewer) > 0 ? 'live' : theRest(sql, viewer, feed);
}

/** Serves the rest of an ended run from the store. */
async function theRest(sql: Database, viewer: Viewer, feed: RunFeed): Promise<FollowOutcome> {
  const { runId } = viewer;
  if (!viewer.hasWritten) {
    await writeReplay(
      viewer,
      await feed.once('ended', async () => replayEnded(await snapshot(sql, { runId }))),
    );
    return 'ended';
  }
  const { run } = await snapshot(sql, { runId });
  const missing = viewer.position && missingEndFrames(run, viewer.position);
  if (missing === null) return 'lost';
  await writeAll(viewer, missing, lastPositionOf(run));
  return 'ended';
}
