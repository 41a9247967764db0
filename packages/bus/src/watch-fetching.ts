import type { RunQueue } from './run-queue.ts';

/** How often it looks within the time after which it speaks. */
const looks = 6;

/**
 * Calls `onStill` each time that jobs have waited for `stillMs` beside a free slot and none was taken: a fetch that
 * hangs says nothing by itself. Looks over the connection of `queue`; while Redis does not answer there is nothing to see.
 */
export function watchFetching(options: {
  readonly queue: Pick<RunQueue, 'counts'>;
  readonly stillMs: number;
  readonly hasFreeSlot: () => boolean;
  /** How many jobs were taken so far. */
  readonly takenCount: () => number;
  readonly onStill: () => void;
}): { stop(): Promise<void> } {
  const { queue, stillMs, hasFreeSlot, takenCount, onStill } = options;
  let stillSince: number | null = null;
  let takenBefore = takenCount();
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    const waiting = await queue.counts().then(
      (counts) => counts.waiting,
      () => 0,
    );
    const isStill = waiting > 0 && hasFreeSlot() && takenCount() === takenBefore;
    takenBefore = takenCount();
    if (!isStill) return void (stillSince = null);
    stillSince ??= performance.now();
    if (performance.now() - stillSince < stillMs) return;
    stillSince = null;
    onStill();
  }

  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = null));
  }, stillMs / looks);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
