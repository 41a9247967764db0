import { metadataOfRun, parseEventId } from '@switchyard/protocol';
import { type Database, snapshot } from '@switchyard/store';
import type { RunFeed } from './run-feed.ts';
import { openRunFrames, requestFrames, type StoredRun } from './run-snapshot.ts';
import { frameOfChunk } from './sse.ts';
import type { Viewer } from './viewer.ts';

/**
 * Shows from the store that the run waits, to a viewer whom the log does not show it; a view that ends there gets a
 * `finish` of our own, since the run's log goes on after it. `live` when the run went on already, or the view does.
 */
export async function writeWait(
  sql: Database,
  viewer: Viewer,
  feed: RunFeed,
): Promise<'waiting' | 'lost' | 'live'> {
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
