import { readRunLog, type Redis } from '@switchyard/bus';
import type { EventPosition } from '@switchyard/protocol';

/** How far before the wait its log may end: an event for each call that waits, and one answer has no more calls. */
const lookBack = 128;

/** Where a viewer goes on who has seen a wait that is not in the log. */
export interface PlaceAfterWait {
  readonly position: EventPosition;
  /** What follows begins with the start of the step that waited. */
  readonly reopensStep: boolean;
}

/**
 * Finds what follows an answered wait that the log does not show: its worker died before it could append it, or the log
 * was lost and begun anew. All that later claims wrote follows it, and the first of them shows the waiting step anew.
 * `lost` when the log does not reach back to it.
 */
export async function placeAfterWait(
  redis: Redis,
  runId: string,
  wait: EventPosition,
): Promise<PlaceAfterWait | 'lost'> {
  const afterOrdinal = Math.max(0, wait.ordinal - lookBack);
  const { events, meta } = await readRunLog(redis, runId, { afterOrdinal, count: 2 * lookBack });
  if (!meta) return 'lost';
  const { base, born, isTrimmed } = meta;
  if (born > wait.epoch) {
    if (isTrimmed || base.ordinal >= wait.ordinal) return 'lost';
    return { position: { epoch: born, ordinal: base.ordinal }, reopensStep: true };
  }
  const last = events.findLast(({ epoch }) => epoch <= wait.epoch);
  return last ? { position: { epoch: last.epoch, ordinal: last.ordinal }, reopensStep: false } : 'lost';
}
