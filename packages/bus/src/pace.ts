import type { Chunk } from '@switchyard/protocol';

/**
 * How long a chunk may wait to travel with others. `delta`: at once after silence, else with the next flush.
 * `frame`: shows nothing by itself, travels with what follows, 20 ms later at the latest. `now`: somebody waits for it.
 */
export type Pace = 'delta' | 'frame' | 'now';

/** The pace of a chunk, by its type. */
export function paceOf(chunk: Chunk): Pace {
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'tool-input-delta':
    case 'data-tool-output':
      return 'delta';
    case 'start-step':
    case 'finish-step':
    case 'message-metadata':
    case 'text-start':
    case 'text-end':
    case 'reasoning-start':
    case 'reasoning-end':
      return 'frame';
    default:
      return 'now';
  }
}

/** Fast enough for the eye, slow enough to merge a model's 50-200 tokens a second. From the design. */
export const flushEveryMs = 20;
/** How much too early a delta may come and go at once all the same. A guess: more than a model's jitter at that rate. */
const earlyMs = 10;

/** Says when deltas may be sent, on any one clock in ms. */
export interface DeltaPace {
  /** When a delta that comes now may go. */
  dueAt(now: number): number;
  /** Some deltas go now. */
  sent(now: number): void;
}

/**
 * Makes the pace of one stream of deltas: after silence at once, later ones every `flushEveryMs` at most in the mean.
 * In the mean, since counted strictly from one to the next a model at that very rate loses a little at each, until its
 * tokens wait for a whole turn (half of one in the mean was measured at 50 tokens a second).
 */
export function createDeltaPace(): DeltaPace {
  let nextAt = -Infinity;
  return {
    dueAt: (now) => Math.max(now, nextAt - earlyMs),
    sent(now) {
      nextAt = Math.max(nextAt, now) + flushEveryMs;
    },
  };
}
