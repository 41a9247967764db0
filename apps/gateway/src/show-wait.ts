import { metadataOfRun, parseEventId } from '@switchyard/protocol';
import { type Database, snapshot } from '@switchyard/store';
import type { RunFeed } from './run-feed.ts';
import { piecesOfOpenRun, requestFrames, type StoredRun } from './run-snapshot.ts';
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
  const waitEventId = feed.state?.waitEventId ?? null;
  const read = () => snapshot(sql, { runId: viewer.runId });
  // Read once for all who come to this wait together, and never before it.
  const stored = await (waitEventId === null ? read() : feed.once(`wait ${waitEventId}`, read));
  if (stored.run.status !== 'awaiting-approval') return 'live';
  if (!viewer.isAtWait) {
    const pieces = piecesOfWait(stored, viewer, waitEventId);
    if (pieces === null) return 'lost';
    for (const piece of pieces) if (!viewer.stream.write(piece)) await viewer.stream.drained();
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
function piecesOfWait(
  stored: StoredRun,
  { hasWritten, hasLog, position }: Viewer,
  waitEventId: string | null,
): readonly (Buffer | string)[] | null {
  if (!hasWritten && (!hasLog || !position)) return piecesOfOpenRun(stored);
  const requests = requestFrames(stored);
  const wait = waitEventId === null ? null : parseEventId(waitEventId);
  const isMissingMore = wait !== null && wait.ordinal - (position?.ordinal ?? 0) > requests.length + 1;
  return isMissingMore ? null : requests;
}
