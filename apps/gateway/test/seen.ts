import { type Chunk, parseEventId, type SwitchyardMessage } from '@switchyard/protocol';
import { fold, type WireFrame } from './viewer.ts';

/** What one viewer has of a run, over all of his connections. */
export interface Seen {
  /** The id to come back with; null = he begins again. */
  readonly cursor: string | null;
  /** The ids since the last `start`, which begins everything anew. */
  readonly ids: readonly string[];
  /** How often it began. */
  readonly begun: number;
  /** Takes a frame; throws when it repeats an ordinal or leaves one out. */
  take(frame: WireFrame): void;
  fold(): Promise<SwitchyardMessage>;
}

/** Keeps what a plain client keeps: the chunks since the last `start`, and the last id as its cursor. */
export function createSeen(): Seen {
  let chunks: Chunk[] = [];
  let ids: string[] = [];
  let lastOrdinal: number | null = null;
  let begun = 0;
  return {
    get cursor() {
      return ids.at(-1) ?? null;
    },
    get ids() {
      return ids;
    },
    get begun() {
      return begun;
    },
    take({ id, data }) {
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.type === 'start') {
        begun += 1;
        [chunks, ids, lastOrdinal] = [[], [], null];
      }
      const position = id === null ? null : parseEventId(id);
      if (id !== null && position) {
        if (lastOrdinal !== null && position.ordinal !== lastOrdinal + 1) {
          throw new Error(`After ordinal ${lastOrdinal} came ${id}.`);
        }
        lastOrdinal = position.ordinal;
        ids.push(id);
      }
      chunks.push(chunk);
    },
    fold: async () => await fold(chunks),
  };
}
