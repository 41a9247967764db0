import type { Chunk, RunEvent } from '@switchyard/protocol';
import type { StreamFrame } from './parse-event-stream.ts';

/** A chunk that stands in no log (queue positions, parts of a snapshot): it has no id and cannot be a cursor. */
export interface PassingEvent {
  readonly epoch: null;
  readonly ordinal: null;
  readonly chunk: Chunk;
}

/**
 * What a follower sees. A `start` chunk begins the message anew, also in mid-stream: the server replays from the
 * beginning when it no longer has what stood at the cursor.
 */
export type FollowedEvent = RunEvent | PassingEvent;

/** True for the chunk with which a run's stream ends. */
export function isLast({ type }: Chunk): boolean {
  return type === 'finish' || type === 'abort' || type === 'error';
}

/** Where the follower stands in the run's log. */
export interface StreamPlace {
  readonly cursor: string | null;
  /** The events among these frames that are new to him, up to the run's last chunk or to a frame that is damaged. */
  take(frames: readonly StreamFrame[]): { readonly events: FollowedEvent[]; readonly fault: Error | null };
}

/** After the event with this id; null is the beginning. */
export function createStreamPlace(after: string | null): StreamPlace {
  let cursor = after;
  let lastOrdinal = positionOf(after)?.ordinal ?? 0;
  return {
    get cursor() {
      return cursor;
    },
    take(frames) {
      const events: FollowedEvent[] = [];
      for (const { id, data } of frames) {
        if (data === '[DONE]') break;
        const chunk = parseChunk(data);
        if (!chunk) return { events, fault: new Error('A frame of the stream is damaged.') };
        if (chunk.type === 'start') {
          // What was seen counts no more. A cut before the next id means to begin again.
          cursor = null;
          lastOrdinal = 0;
        }
        const position = positionOf(id);
        if (position && position.ordinal <= lastOrdinal) continue;
        if (position) {
          cursor = id;
          lastOrdinal = position.ordinal;
        }
        events.push(position ? { ...position, chunk } : { epoch: null, ordinal: null, chunk });
        if (isLast(chunk)) break;
      }
      return { events, fault: null };
    },
  };
}

function parseChunk(data: string): Chunk | null {
  try {
    const chunk = JSON.parse(data) as Chunk | null;
    return typeof chunk?.type === 'string' ? chunk : null;
  } catch {
    return null;
  }
}

function positionOf(id: string | null): { readonly epoch: number; readonly ordinal: number } | null {
  const match = id === null ? null : /^(\d+)-(\d+)$/.exec(id);
  return match && { epoch: Number(match[1]), ordinal: Number(match[2]) };
}
