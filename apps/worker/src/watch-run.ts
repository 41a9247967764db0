import type { RunStop } from '@switchyard/agent';
import { DrainedError, JobForgottenError } from '@switchyard/bus';
import { isCancelRequested, RunLostError } from '@switchyard/store';
import type { Worker } from './worker.ts';

/** How often the row is asked while the control channel may have missed a cancel; as often as a lock lives. */
const pollMs = 5000;

/** Stops the run when its job's signal is aborted: by a lost lock or job, or by the end of the drain time. */
export function stopWithJob(signal: AbortSignal, stop: RunStop): () => void {
  const abort = () => {
    const isOurs = signal.reason instanceof DrainedError || signal.reason instanceof JobForgottenError;
    stop.stop(isOurs ? 'hand-over' : 'lost');
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/**
 * Stops the run on a cancel. The channel is fast but only a hint; what was sent before the subscription stood is seen
 * by the read that follows it, what was lost later by the poll of the row.
 */
export async function listenForCancel(worker: Worker, runId: string, stop: RunStop): Promise<() => void> {
  try {
    return await worker.control.subscribe(runId, ({ type }) => {
      if (type === 'cancel') stop.stop('cancelled');
    });
  } catch (error) {
    worker.logger.warn({ runId, error }, 'no control channel; cancels are seen by the poll alone');
    return () => undefined;
  }
}

/** Asks the row now and then; also notices that somebody else has claimed the run. */
export function pollForCancel(
  worker: Worker,
  run: { readonly runId: string; readonly epoch: () => number },
  stop: RunStop,
): () => void {
  const { runId, epoch } = run;
  const timer = setInterval(() => void ask(), pollMs);

  /** Never throws: a store that is away is asked again. */
  async function ask(): Promise<void> {
    const asked = epoch();
    try {
      if (await isCancelRequested(worker.sql, { runId, epoch: asked })) stop.stop('cancelled');
    } catch (error) {
      if (error instanceof RunLostError && asked === epoch()) stop.stop('lost');
    }
  }

  return () => clearInterval(timer);
}

/** Stops the run when its time is over, counted from its first claim without what it waited for people. */
export function stopAtTimeLimit(
  run: { readonly startedAt: string | null; readonly waitedMs: number; readonly maxDurationMs: number },
  stop: RunStop,
): () => void {
  const spentMs = run.startedAt === null ? 0 : Date.now() - Date.parse(run.startedAt) - run.waitedMs;
  // Longer timers would fire at once (2^31 - 1 ms, 24.8 days).
  const leftMs = Math.min(Math.max(0, run.maxDurationMs - spentMs), 2_147_483_647);
  const timer = setTimeout(() => stop.stop('time-limit'), leftMs);
  return () => clearTimeout(timer);
}
