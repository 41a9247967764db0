import type { Chunk } from '@switchyard/protocol';

/** Chunks that wait to be sent, in order; adjacent deltas of one part are one chunk. */
export interface ChunkBuffer {
  push(chunk: Chunk): void;
  /** Removes and returns the oldest chunks: at most `maxChunks`, and of them only the first may exceed `maxBytes`. */
  take(limits: { readonly maxChunks: number; readonly maxBytes: number }): Chunk[];
  /** Number of chunks that wait, merged ones counted once. */
  readonly length: number;
  /** What waits, roughly, in bytes of JSON (UTF-16 units of the deltas). */
  readonly bytes: number;
  /** How many chunks were ever pushed, and how many of them were taken. */
  readonly pushed: number;
  readonly taken: number;
}

interface Waiting {
  chunk: Chunk;
  bytes: number;
  /** Which push was the last to go into this chunk. */
  lastPush: number;
}

/** A merged delta grows no further than this: one frame stays small enough for every viewer. A guess. */
const maxDeltaBytes = 64 * 1024;

/** Makes an empty buffer. */
export function createChunkBuffer(): ChunkBuffer {
  let waiting: Waiting[] = [];
  let bytes = 0;
  let pushed = 0;
  let taken = 0;
  return {
    push(chunk) {
      pushed += 1;
      const size = sizeOf(chunk);
      bytes += size;
      const last = waiting.at(-1);
      const merged = last && last.bytes + size <= maxDeltaBytes ? mergeDeltas(last.chunk, chunk) : null;
      if (last && merged) {
        last.chunk = merged;
        last.bytes += size;
        last.lastPush = pushed;
      } else {
        waiting.push({ chunk, bytes: size, lastPush: pushed });
      }
    },
    take({ maxChunks, maxBytes }) {
      let count = 0;
      let size = 0;
      for (const { bytes: own } of waiting) {
        if (count === maxChunks || (count > 0 && size + own > maxBytes)) break;
        count += 1;
        size += own;
      }
      const batch = waiting.slice(0, count);
      waiting = waiting.slice(count);
      bytes -= size;
      taken = batch.at(-1)?.lastPush ?? taken;
      return batch.map((item) => item.chunk);
    },
    get length() {
      return waiting.length;
    },
    get bytes() {
      return bytes;
    },
    get pushed() {
      return pushed;
    },
    get taken() {
      return taken;
    },
  };
}

/** The one delta that says what two adjacent ones say, or null when they do not belong to one part. */
export function mergeDeltas(first: Chunk, second: Chunk): Chunk | null {
  switch (first.type) {
    case 'text-delta':
    case 'reasoning-delta':
      return second.type === first.type &&
        second.id === first.id &&
        first.providerMetadata === undefined &&
        second.providerMetadata === undefined
        ? { ...first, delta: first.delta + second.delta }
        : null;
    case 'tool-input-delta':
      return second.type === 'tool-input-delta' && second.toolCallId === first.toolCallId
        ? { ...first, inputTextDelta: first.inputTextDelta + second.inputTextDelta }
        : null;
    case 'data-tool-output':
      return second.type === 'data-tool-output' &&
        second.id === first.id &&
        second.data.toolCallId === first.data.toolCallId &&
        second.data.stream === first.data.stream
        ? { ...first, data: { ...first.data, text: first.data.text + second.data.text } }
        : null;
    default:
      return null;
  }
}

/** 100 bytes is what a delta's frame takes beside its text. */
function sizeOf(chunk: Chunk): number {
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
      return 100 + chunk.delta.length;
    case 'tool-input-delta':
      return 100 + chunk.inputTextDelta.length;
    case 'data-tool-output':
      return 100 + chunk.data.text.length;
    default:
      return JSON.stringify(chunk).length;
  }
}
