import { parseEventId } from '@switchyard/protocol';
import { foldFrames, type Frame, isStart } from './frames.ts';

/** What is wrong with the order in which one viewer got a run's events; all zero when nothing is. */
export interface FrameOrder {
  /** Ordinals that never came. */
  readonly lost: number;
  /** Events that came again, or late. */
  readonly repeated: number;
  /** Frames without an id where only an event may stand. */
  readonly nameless: number;
  /** How often the message began anew after its first beginning. */
  readonly replays: number;
}

/** What may stand between events without being one: the place in the queue, and a wait that the log lacks. */
const passing = /^\{"type":"(data-run|tool-approval-request)"/;

/**
 * Every event once, in order, over all connections of one viewer. A viewer whose place is not in the log any more begins
 * anew with `start`: by the log's own, which is the first event, or by a snapshot, of which only the last frame has an id:
 * its `start` itself, where no step was stored.
 */
export function orderOf(frames: readonly Frame[]): FrameOrder {
  let lost = 0;
  let repeated = 0;
  let nameless = 0;
  let starts = 0;
  /** The next ordinal; null in a snapshot, whose last frame says it. */
  let next: number | null = 1;
  for (const frame of frames) {
    const ordinal = parseEventId(frame.id ?? '')?.ordinal ?? null;
    if (isStart(frame)) {
      starts += 1;
      next = ordinal === 1 ? 1 : null;
    }
    if (ordinal === null) {
      if (next !== null && !passing.test(frame.data)) nameless += 1;
      continue;
    }
    if (next !== null && ordinal > next) lost += ordinal - next;
    if (next !== null && ordinal < next) repeated += 1;
    next = Math.max(next ?? 0, ordinal + 1);
  }
  return { lost, repeated, nameless, replays: Math.max(0, starts - 1) };
}

/** The message that a front end ends with, from the last beginning on. */
export async function messageOf(frames: readonly Frame[]): Promise<unknown> {
  return await foldFrames(frames.slice(Math.max(0, frames.findLastIndex(isStart))));
}
