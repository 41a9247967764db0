import type { Logger } from '@switchyard/process';
import { findFamily, readProcesses } from './measure-memory.ts';
import { watchDisk } from './watch-disk.ts';
import { watchMemory } from './watch-memory.ts';
import type { WatchedSandbox } from './watched-sandbox.ts';

export interface LimitsWatchOptions {
  /** What has to stay free on the disk of `dataDir`: below it nothing starts, and who still writes is stopped. */
  readonly minFreeDiskBytes: number;
  readonly dataDir: string;
  /** Null for a host that enters every folder as it is. */
  readonly bwrapPath: string | null;
  readonly isDiskWatched: boolean;
  readonly running: () => readonly WatchedSandbox[];
  readonly stop: (id: string, reason: string) => Promise<unknown>;
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
  const stopping = new Map<string, Promise<unknown>>();

  /** Nobody waits for it but `close`: while one sandbox takes its time to stop, the others are looked at. */
  function stop(id: string, reason: string): void {
    if (stopping.has(id)) return;
    logger.warn({ sandboxId: id, reason }, 'sandbox is over a limit');
    const stopped = options
      .stop(id, reason)
      .catch((error: unknown) => logger.error({ sandboxId: id, error }, 'sandbox could not be stopped'))
      .finally(() => stopping.delete(id));
    stopping.set(id, stopped);
  }

  const lookAtMemory = watchMemory({ stop, logger });
  const disk = options.isDiskWatched
    ? watchDisk({ ...options, minFreeBytes: options.minFreeDiskBytes, stop })
    : null;

  function look(): number {
    const sandboxes = options.running();
    if (sandboxes.length === 0) return 0;
    const processes = readProcesses();
    const families = sandboxes.map((sandbox) => ({ sandbox, family: findFamily(processes, sandbox.pid) }));
    const share = lookAtMemory(families.filter(({ sandbox }) => sandbox.isMemoryWatched));
    disk?.look(families);
    return share;
  }

  let timer: NodeJS.Timeout | undefined;
  function lookAgain(delayMs: number): void {
    timer = setTimeout(() => {
      let share = 0;
      try {
        share = look();
      } catch (error) {
        logger.error({ error }, 'looking at the limits failed');
      }
      lookAgain(share > 1 ? overMs : share > tenseShare ? tenseMs : calmMs);
    }, delayMs);
  }
  lookAgain(0);

  return {
    refusal: (id) => disk?.refusal(id) ?? null,
    async close() {
      clearTimeout(timer);
      await disk?.close();
      await Promise.all(stopping.values());
    },
  };
}
