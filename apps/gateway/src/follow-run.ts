import { AppError, type EventPosition, isEnded, type Run } from '@switchyard/protocol';
import { catchUp } from './catch-up.ts';
import type { EventStream } from './event-stream.ts';
import { writeWait } from './show-wait.ts';
import { frameOfChunk } from './sse.ts';
import { stayLive } from './stay-live.ts';
import { endedAtOf, type FollowOutcome, idOf, type Sources, type Viewer, writeQueued } from './viewer.ts';

/** How a viewer wants to see a run. */
export interface RunView {
  /** The last event that he has; null: from the beginning. */
  readonly cursor: EventPosition | null;
  /** A chat's: the client posts a person's answer only once the stream is over. */
  readonly endsAtWait?: boolean;
  /** A chat's after such an answer: the client keeps its message, of which the cursor is the end. */
  readonly continuesMessage?: boolean;
}

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
      const { reconnects } = feed;
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
      const interruption = await stayLive(viewer, feed, reconnects);
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
