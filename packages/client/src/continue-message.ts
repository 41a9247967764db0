import type { Chunk } from '@switchyard/protocol';
import { isLast } from './stream-place.ts';

/** What the AI SDK's reader is given for the next chunk of a run's stream. */
export type ContinueMessage = (chunk: Chunk, options: { readonly isFirstConnection: boolean }) => Chunk[];

/**
 * Makes one unbroken stream for the AI SDK's reader out of a run's stream that may be replayed in the middle (a log that
 * was lost, a cut before the first id). That reader does not begin anew at a second `start`, so of a replay it is given
 * what it lacks: steps that another has followed never change, so they are left out; the last one that it shows may have
 * been done again, so `reset-step` withdraws it, and it is given whole.
 *
 * `shownSteps`: how many steps the reader's message has before the stream; on the first connection such a message is
 * continued, on a later one a `start` always is a replay.
 */
export function createContinueMessage(shownSteps: number): ContinueMessage {
  let steps = shownSteps;
  let hasStarted = false;
  /** Null: what comes is new. Else how many `start-step` of a replay come before what the reader lacks. */
  let stepsToSkip: number | null = null;

  function passOn(chunk: Chunk): Chunk[] {
    if (chunk.type === 'start-step') steps += 1;
    return [chunk];
  }

  function begin(chunk: Chunk, isReplay: boolean): Chunk[] {
    const start = hasStarted ? [] : [chunk];
    hasStarted = true;
    stepsToSkip = isReplay && steps > 0 ? steps : null;
    return isReplay && steps === 0 ? [...start, { type: 'reset-step' }] : start;
  }

  return (chunk, { isFirstConnection }) => {
    if (chunk.type === 'start') return begin(chunk, hasStarted || !isFirstConnection);
    if (stepsToSkip === null) return passOn(chunk);
    if (chunk.type === 'start-step') {
      stepsToSkip -= 1;
      if (stepsToSkip > 0) return [];
      stepsToSkip = null;
      return [{ type: 'reset-step' }];
    }
    // A step that was begun and left nothing behind: its mark stays, what it showed is withdrawn.
    if (isLast(chunk)) return [{ type: 'reset-step' }, chunk];
    return chunk.type === 'message-metadata' ? [chunk] : [];
  };
}
