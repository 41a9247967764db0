import { setTimeout as delay } from 'node:timers/promises';

/** A started process: it ends with its starter. */
export interface RunningProcess {
  /** The process's own pid, not its guard's. */
  readonly pid: number;
  readonly exited: Promise<number>;
  stop(): Promise<void>;
}

export interface Supervised<Started extends RunningProcess> {
  /** The process that runs now, or the last one while it is being started again. */
  current(): Started;
  /** Ends the process for good. */
  stop(): Promise<void>;
}

/** Who lived this long was not killed by its own start. */
const healthyMs = 10_000;
/** The pause before each start of a row of quick deaths; the last one repeats. */
const pausesMs = [0, 200, 500, 1000, 2000, 5000, 15_000];
/** From here on it is no accident any more, and worth one line. */
const troubleAfter = 4;

/**
 * Starts a process and starts it again whenever it dies, at once the first time and ever later while it keeps dying.
 * The first start's error is thrown; later ones are told by `report` and tried again.
 */
export async function supervise<Started extends RunningProcess>({
  name,
  start,
  onStart,
  report,
}: {
  readonly name: string;
  readonly start: () => Promise<Started>;
  /** After each start, the first included. */
  readonly onStart: (process: Started) => Promise<void>;
  /** One line for a person. */
  readonly report: (line: string) => void;
}): Promise<Supervised<Started>> {
  const stopping = new AbortController();
  let process = await start();
  await onStart(process);
  const watching = watch();

  async function watch(): Promise<void> {
    let quickDeaths = 0;
    // Ends with stop(): each round waits for the end of one process.
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const exitCode = await process.exited;
      if (stopping.signal.aborted) return;
      const isQuick = performance.now() - startedAt < healthyMs;
      quickDeaths = isQuick ? quickDeaths + 1 : 0;
      const diedAt = performance.now();
      if (quickDeaths < troubleAfter) report(`${name} died (${describeExit(exitCode)}); starting it again`);
      quickDeaths = await startAgain(quickDeaths);
      if (stopping.signal.aborted) return;
      report(`${name} runs again as process ${process.pid} (${Math.round(performance.now() - diedAt)} ms)`);
    }
  }

  /** Tries until it succeeds or everything stops; gives the number of failures in a row. */
  async function startAgain(formerFailures: number): Promise<number> {
    for (let failures = formerFailures; ; failures += 1) {
      const pauseMs = pausesMs[Math.min(failures, pausesMs.length - 1)] ?? 0;
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return failures;
      try {
        process = await start();
        await onStart(process);
        return failures;
      } catch (error) {
        if (failures + 1 === troubleAfter) {
          report(`${name} keeps dying: ${(error as Error).message}. It is tried again every few seconds.`);
        }
      }
    }
  }

  return {
    current: () => process,
    async stop() {
      stopping.abort();
      // A start in progress comes to its end first; what it started is then stopped too.
      await process.stop();
      await watching;
      await process.stop();
    },
  };
}

/** Shells give 128 + n for a process that signal n ended. */
function describeExit(exitCode: number): string {
  return exitCode > 128 ? `signal ${exitCode - 128}` : `exit code ${exitCode}`;
}
