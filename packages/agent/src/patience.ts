import type { TextStreamPart, ToolSet } from 'ai';
import { ModelStalledError } from './model-failure.ts';

/** How long a model may be silent, in ms. */
export interface ModelDeadlines {
  /** Before it writes, and wherever it may be at work on something that is not shown while it grows. */
  readonly firstChunkMs: number;
  /** Between two pieces of what it writes. */
  readonly chunkMs: number;
}

/** Guesses: reasoning models think for minutes before their first token, and then do not pause for long. */
export const defaultModelDeadlines: ModelDeadlines = { firstChunkMs: 180_000, chunkMs: 90_000 };

/** Waits for the parts of one answer, one at a time, with one timer and one listener for all of them. */
export function createPatience({ firstChunkMs, chunkMs }: ModelDeadlines, signal: AbortSignal) {
  let reject: ((reason: unknown) => void) | null = null;
  let timer: NodeJS.Timeout | undefined;
  let timerMs = 0;
  let isWriting = false;
  const abort = () => reject?.(signal.reason);
  signal.addEventListener('abort', abort, { once: true });

  function arm(ms: number): void {
    if (ms === timerMs && timer) {
      timer.refresh();
      return;
    }
    clearTimeout(timer);
    timerMs = ms;
    timer = setTimeout(() => reject?.(new ModelStalledError(ms)), ms);
  }

  return {
    /** The value, or a rejection with ModelStalledError after a silence, or with the signal's reason. */
    async wait<Value>(next: Promise<Value>): Promise<Value> {
      signal.throwIfAborted();
      arm(isWriting ? chunkMs : firstChunkMs);
      try {
        return await new Promise<Value>((resolve, fail) => {
          reject = fail;
          next.then(resolve, fail);
        });
      } finally {
        // Our own slowness is not the model's silence.
        reject = null;
      }
    },
    /** Told of each part: which silence is the next one. */
    saw(part: TextStreamPart<ToolSet>): void {
      switch (part.type) {
        // OpenAI names its reasoning at once and tells nothing of it up to its end; some servers send arguments whole.
        case 'reasoning-start':
        case 'tool-input-start':
          isWriting = false;
          break;
        case 'text-delta':
        case 'reasoning-delta':
          isWriting ||= part.text !== '';
          break;
        case 'tool-input-delta':
          isWriting ||= part.delta !== '';
          break;
        default:
      }
    },
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
