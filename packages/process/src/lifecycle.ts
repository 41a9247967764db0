import { ignoreBrokenPipes } from './broken-pipe.ts';
import { withDeadline } from './deadline.ts';
import type { Logger } from './logger.ts';

/** One process's ordered stop. */
export interface Lifecycle {
  /** Aborted at the very beginning of the stop. */
  readonly signal: AbortSignal;
  /** Adds an action of the stop; actions run one after the other, the last added first, each with its own deadline. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** Stops once; later calls wait for the same stop. Never throws: what fails or takes too long is logged. */
  stop(reason: string): Promise<void>;
  /** Ends a process that cannot do its work: the error is logged, it stops and exits with 1. */
  fail(error: Error): void;
  /**
   * Stops on SIGTERM and SIGINT, then exits with 0 (a second SIGINT exits with 130 at once); an uncaught error is
   * logged, stops and exits with 1. A reader of standard output that goes away (EPIPE) is no error.
   */
  listen(): void;
}

/** Makes the lifecycle of a process; each action of the stop has `drainMs` to end. */
export function createLifecycle({
  logger,
  drainMs,
}: {
  readonly logger: Logger;
  readonly drainMs: number;
}): Lifecycle {
  const controller = new AbortController();
  const actions: { readonly name: string; readonly stop: () => Promise<void> | void }[] = [];
  let stopping: Promise<void> | undefined;

  async function runActions(reason: string): Promise<void> {
    const startedAt = performance.now();
    logger.info({ reason }, 'stopping');
    controller.abort(new Error(`Stopping: ${reason}.`));
    for (let action = actions.pop(); action; action = actions.pop()) {
      const { name, stop } = action;
      try {
        await withDeadline(Promise.resolve().then(stop), { timeoutMs: drainMs, what: `Stopping ${name}` });
      } catch (error) {
        logger.error({ error, part: name }, 'stop failed');
      }
    }
    logger.info({ reason, durationMs: Math.round(performance.now() - startedAt) }, 'stopped');
  }

  function stop(reason: string): Promise<void> {
    stopping ??= runActions(reason);
    return stopping;
  }

  function stopAndExit(reason: string, exitCode: number): void {
    void stop(reason).then(() => process.exit(exitCode));
  }

  function fail(error: Error): void {
    logger.fatal({ error }, 'fatal error');
    stopAndExit('fatal error', 1);
  }

  return {
    signal: controller.signal,
    onStop(name, action) {
      actions.push({ name, stop: action });
    },
    stop,
    fail,
    listen() {
      process.on('SIGTERM', () => stopAndExit('SIGTERM', 0));
      process.on('SIGINT', () => {
        if (stopping) process.exit(130);
        stopAndExit('SIGINT', 0);
      });
      process.on('uncaughtException', fail);
      ignoreBrokenPipes(process.stdout);
      ignoreBrokenPipes(process.stderr);
    },
  };
}
