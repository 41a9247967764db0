import type { Redis } from '@switchyard/bus';
import { type EventPosition, formatEventId, isEnded, type Run, type RunStatus } from '@switchyard/protocol';
import type { Database } from '@switchyard/store';
import type { EventStream } from './event-stream.ts';
import { limits } from './limits.ts';
import type { RunFeeds } from './run-feeds.ts';
import type { Replay } from './run-snapshot.ts';
import { frameOfChunk } from './sse.ts';

/**
 * `ended`: the last event was written. `waiting`: the run waits for a person, and the view ends there. `closed`: the
 * viewer left. `lost`: he must come back, his place is not in the log. `deleted`: the run is no more; he was told that it
 * was stopped.
 */
export type FollowOutcome = 'ended' | 'waiting' | 'closed' | 'lost' | 'deleted';

/** Where a viewer is served from. */
export type Sources = { readonly redis: Redis; readonly sql: Database; readonly feeds: RunFeeds };

/** One connection that follows a run, and how far it has come. */
export interface Viewer {
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

/** Writes and moves the viewer on; waits when he takes it too slowly. */
export async function writeAll(
  viewer: Viewer,
  bytes: string | Uint8Array,
  position: EventPosition,
): Promise<void> {
  viewer.position = { epoch: position.epoch, ordinal: position.ordinal };
  viewer.hasWritten = true;
  viewer.answeredWait = null;
  if (!viewer.stream.write(bytes)) await viewer.stream.drained();
}

/** Writes a run from the store, piece by piece: no more than one waits in memory for a slow viewer. */
export async function writeReplay(viewer: Viewer, { pieces, last }: Replay): Promise<void> {
  for (const piece of pieces) await writeAll(viewer, piece, last);
}

/** Tells a viewer that the run waits. No event of the log, so it has no id; clients show it and forget it. */
export function writeQueued(viewer: Viewer, status: RunStatus, queuePosition: number | null): void {
  if (viewer.hasWritten || viewer.position) return;
  const data = {
    runId: viewer.runId,
    status,
    epoch: 0,
    ...(queuePosition === null ? {} : { queuePosition }),
  };
  viewer.stream.write(frameOfChunk({ type: 'data-run', data, transient: true }));
}

/** The id of the last event that the viewer has. */
export function idOf(position: EventPosition | null): string | null {
  return position && formatEventId(position);
}

/** When the run was known to have ended, on this process's clock; null while it goes on. */
export function endedAtOf(run: Run): number | null {
  if (!isEnded(run.status)) return null;
  const agoMs = run.endedAt === null ? 0 : Math.max(0, Date.now() - Date.parse(run.endedAt));
  return performance.now() - agoMs;
}

/** How long the end that the store has may still be missing in the log, in ms. */
export function graceLeftMs({ endedAt }: Viewer): number {
  return endedAt === null ? 0 : Math.max(0, endedAt + limits.stream.endGraceMs - performance.now());
}
