import type { Logger } from '@switchyard/process';
import { createMeasuring } from './measuring.ts';
import { watchDisk } from './watch-disk.ts';
import type { StopSandbox, WatchedSandbox } from './watched-sandbox.ts';

export interface LimitsWatchOptions {
  /** What has to stay free on the disk of `dataDir`: below it nothing starts, and who still writes is stopped. */
  readonly minFreeDiskBytes: number;
  readonly dataDir: string;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
  readonly isDiskWatched: boolean;
  readonly running: () => readonly WatchedSandbox[];
  /** Does nothing when the sandbox has been started again since it was watched. */
  readonly stop: (...parameters: Parameters<StopSandbox>) => Promise<unknown>;
  readonly logger: Logger;
}

export interface LimitsWatch {
  /** Why this sandbox must not start now, for people; null when nothing stands against it. */
  refusal(id: string): string | null;
  close(): Promise<void>;
}

/** Two processors fill some 4 GB a second: what uses little is looked at seldom, the others before they get far. */
const calmMs = 1_000;
const tenseMs = 150;
const tenseShare = 0.25;
const overMs = 20;

/**
 * Measures what sandboxes use where the kernel does not count it for us, from outside and without opening anything of
 * theirs: a sandbox with too much memory loses its largest processes, one with too large a workspace is stopped.
 */
export function watchLimits(options: LimitsWatchOptions): LimitsWatch {
  const { logger } = options;
  const measuring = createMeasuring();
  const stopping = new Map<number, Promise<unknown>>();
  let isClosed = false;

  /** Nobody waits for it but `close`: while one sandbox takes its time to stop, the others are looked at. */
  const stop: StopSandbox = (sandbox, reason) => {
    if (stopping.has(sandbox.pid)) return;
    logger.warn({ sandboxId: sandbox.id, reason }, 'sandbox is over a limit');
    const stopped = options
      .stop(sandbox, reason)
      .catch((error: unknown) =>
        logger.error({ sandboxId: sandbox.id, error }, 'sandbox could not be stopped'),
      )
      .finally(() => stopping.delete(sandbox.pid));
    stopping.set(sandbox.pid, stopped);
  };

  async function lookAtMemory(): Promise<number> {
    const sandboxes = options.running().filter(({ isMemoryWatched }) => isMemoryWatched);
    if (sandboxes.length === 0) return calmMs;
    const { share, killed, toStop } = await measuring.measure('memory', sandboxes);
    for (const loss of killed) logger.warn(loss, 'sandbox lost a process for its memory');
    for (const { sandbox, reason } of toStop) stop(sandbox, reason);
    return share > 1 ? overMs : share > tenseShare ? tenseMs : calmMs;
  }

  const timers = new Set<NodeJS.Timeout>();
  /** `look` gives the time until the next one, in ms. */
  function repeat(look: () => number | Promise<number>, delayMs = 0): void {
    const timer = setTimeout(() => void lookOnce(), delayMs);
    timers.add(timer);
    async function lookOnce(): Promise<void> {
      timers.delete(timer);
      let nextMs = calmMs;
      try {
        nextMs = await look();
      } catch (error) {
        logger.error({ error }, 'looking at the limits failed');
      }
      if (!isClosed) repeat(look, nextMs);
    }
  }

  const disk = options.isDiskWatched
    ? watchDisk({ ...options, measuring, minFreeBytes: options.minFreeDiskBytes, stop })
    : null;
  repeat(lookAtMemory);
  if (disk) repeat(() => disk.check(options.running()));

  return {
    refusal: (id) => disk?.refusal(id) ?? null,
    async close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      await measuring.close();
      await Promise.all(stopping.values());
    },
  };
}
