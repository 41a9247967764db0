import type { Chunk } from '@switchyard/protocol';

/**
 * The chunks of the step that is open, kept so that the step can be folded, closed and, when the log was lost, shown
 * again. Adjacent deltas of one part are merged and what does not outlive the step is left out, so it is as long as
 * the step has parts.
 */
export interface StepChunks {
  /** False between `finish-step` and `start-step`. */
  readonly isOpen: boolean;
  readonly chunks: readonly Chunk[];
  add(chunk: Chunk): void;
}

export function createStepChunks(): StepChunks {
  let chunks: Chunk[] = [];

  function merged(chunk: Chunk): Chunk | null {
    const last = chunks.at(-1);
    if (chunk.type === 'text-delta' || chunk.type === 'reasoning-delta') {
      if (last?.type !== chunk.type || last.id !== chunk.id) return null;
      return { ...last, ...chunk, delta: last.delta + chunk.delta };
    }
    return null;
  }

  return {
    get isOpen() {
      return chunks.length > 0;
    },
    get chunks() {
      return chunks;
    },
    add(chunk) {
      switch (chunk.type) {
        case 'start-step':
          chunks = [chunk];
          return;
        case 'reset-step':
          chunks = [{ type: 'start-step' }];
          return;
        case 'finish-step':
          chunks = [];
          return;
        // The whole input follows when the call is complete; a call that never is, is closed with an empty one.
        case 'tool-input-delta':
          return;
        default: {
          if (chunks.length === 0 || ('transient' in chunk && chunk.transient)) return;
          const delta = merged(chunk);
          if (delta) chunks[chunks.length - 1] = delta;
          else chunks.push(chunk);
        }
      }
    },
  };
}

/**
 * What closes an open step: the ends of its open parts, an error for each call without a result, `finish-step`.
 * Pure: worker and viewers get the same parts from it. Empty when no step is open.
 */
export function closingChunks(chunks: readonly Chunk[], errorText: string): Chunk[] {
  if (chunks.length === 0) return [];
  const closing: Chunk[] = [];
  const open = new Map<string, Chunk>();
  for (const chunk of chunks) {
    switch (chunk.type) {
      case 'text-start':
        open.set(`text:${chunk.id}`, { type: 'text-end', id: chunk.id });
        break;
      case 'text-end':
        open.delete(`text:${chunk.id}`);
        break;
      case 'reasoning-start':
        open.set(`reasoning:${chunk.id}`, { type: 'reasoning-end', id: chunk.id });
        break;
      case 'reasoning-end':
        open.delete(`reasoning:${chunk.id}`);
        break;
      case 'tool-input-start':
        open.set(`input:${chunk.toolCallId}`, {
          type: 'tool-input-available',
          toolCallId: chunk.toolCallId,
          toolName: chunk.toolName,
          ...(chunk.dynamic === undefined ? {} : { dynamic: chunk.dynamic }),
          input: {},
        });
        open.set(`call:${chunk.toolCallId}`, toolError(chunk.toolCallId, chunk.dynamic, errorText));
        break;
      case 'tool-input-available':
        open.delete(`input:${chunk.toolCallId}`);
        open.set(`call:${chunk.toolCallId}`, toolError(chunk.toolCallId, chunk.dynamic, errorText));
        break;
      case 'tool-output-available':
      case 'tool-output-error':
      case 'tool-output-denied':
        open.delete(`call:${chunk.toolCallId}`);
        break;
      default:
        break;
    }
  }
  closing.push(...open.values(), { type: 'finish-step' });
  return closing;
}

function toolError(toolCallId: string, dynamic: boolean | undefined, errorText: string): Chunk {
  return {
    type: 'tool-output-error',
    toolCallId,
    ...(dynamic === undefined ? {} : { dynamic }),
    errorText,
  };
}
