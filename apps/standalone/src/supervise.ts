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
const defaultPausesMs = [0, 200, 500, 1000, 2000, 5000, 15_000];
/** So many quick deaths or failed starts in a row are no accident any more; from then on they are not told one by one. */
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
  pausesMs = defaultPausesMs,
}: {
  readonly name: string;
  readonly start: () => Promise<Started>;
  /** After each start, the first included. */
  readonly onStart: (process: Started) => Promise<void>;
  /** One line for a person. */
  readonly report: (line: string) => void;
  readonly pausesMs?: readonly number[];
}): Promise<Supervised<Started>> {
  const stopping = new AbortController();
  let process = await start();
  await onStart(process);
  /** Quick deaths and failed starts in a row. */
  let failures = 0;
  const watching = watch();

  async function watch(): Promise<void> {
    // Ends with stop(): each round waits for the end of one process.
    for (;;) {
      const startedAt = performance.now();
      const exitCode = await process.exited;
      if (stopping.signal.aborted) return;
      const diedAt = performance.now();
      if (diedAt - startedAt > healthyMs) failures = 0;
      countFailure(describeExit(exitCode), `${name} died (${describeExit(exitCode)}); starting it again`);
      await startAgain();
      if (stopping.signal.aborted) return;
      if (failures >= troubleAfter) continue;
      report(`${name} runs again as process ${process.pid} (${Math.round(performance.now() - diedAt)} ms)`);
    }
  }

  async function startAgain(): Promise<void> {
    // Ends when a start succeeds, or with stop().
    for (;;) {
      const pauseMs = pausesMs[Math.min(failures, pausesMs.length) - 1] ?? 0;
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        process = await start();
        await onStart(process);
        return;
      } catch (error) {
        countFailure((error as Error).message);
      }
    }
  }

  function countFailure(reason: string, line?: string): void {
    failures += 1;
    if (failures < troubleAfter && line !== undefined) report(line);
    if (failures !== troubleAfter) return;
    report(`${name} keeps dying: ${reason}. It is started again at ever longer intervals.`);
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
