import { createRunQueue } from './run-queue.ts';

/** How often it looks within the time after which it speaks. */
const looks = 6;

/**
 * Calls `onStill` each time that jobs have waited for `stillMs` beside a free slot and none was taken: a fetch that
 * hangs says nothing by itself. Looks over a connection of its own; while Redis does not answer there is nothing to see.
 */
export function watchFetching(options: {
  readonly redisUrl: string;
  readonly queueName: string;
  readonly stillMs: number;
  readonly hasFreeSlot: () => boolean;
  /** How many jobs were taken so far. */
  readonly takenCount: () => number;
  readonly onStill: () => void;
}): { stop(): Promise<void> } {
  const { redisUrl, queueName, stillMs, hasFreeSlot, takenCount, onStill } = options;
  const queue = createRunQueue({ redisUrl, queueName });
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
      await queue.close();
    },
  };
}
