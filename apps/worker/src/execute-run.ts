import {
  createBudget,
  createPictures,
  createModelChoice,
  createRunStop,
  createSandboxAccess,
  filesOfLastMessage,
  type ModelChoice,
  type OpenedRun,
  openRun,
  runAgent,
  type RunStop,
  RunStopped,
  throughOutages,
} from '@switchyard/agent';
import type { RunJob } from '@switchyard/bus';
import { AppError, newId } from '@switchyard/protocol';
import { claimRun, readLastIncarnation, type RunClaim, RunLostError } from '@switchyard/store';
import { endAsFailed, endRun, endWithoutLog, handOver, internalDetail } from './end-run.ts';
import { nameRunThread } from './name-run-thread.ts';
import { listenForCancel, pollForCancel, stopAtTimeLimit, stopWithJob } from './watch-run.ts';
import { lockMs, type Worker } from './worker.ts';

type Claimed = Extract<RunClaim, { outcome: 'claimed' }>;

/** So many claims after a lost lock without a stored step in between: the run itself is what kills its workers. */
const maxCrashes = 3;

/**
 * Does one job of the queue: claims the run, goes on with it, ends it or hands it over. A stale job and a run that is
 * lost to another worker end without effect. It throws only when the run could not even be ended; the job then comes
 * again.
 */
export async function executeRun(worker: Worker, job: RunJob): Promise<'done' | 'hand-over'> {
  const stop = createRunStop();
  const startedAt = performance.now();
  const cleanups = [stopWithJob(job.signal, stop)];
  // One line a run: `attempt` is the claim's epoch, `outcome` the run's reason or what became of the job.
  const line: Record<string, string | number> = { runId: job.runId, outcome: 'failed' };
  try {
    const { runId, wakeup } = job;
    const claiming = claim(worker, { runId, wakeup }, stop);
    // It is awaited after the subscription; a rejection before that is not unheard.
    claiming.catch(() => undefined);
    cleanups.push(await listenForCancel(worker, runId, stop));
    const claimed = await claiming;
    if (claimed.outcome === 'stale') {
      line['outcome'] = 'stale';
      return 'done';
    }
    line['attempt'] = claimed.epoch;
    const execution = await executeClaimed(worker, { runId, claimed, stop, cleanups, line });
    line['outcome'] = execution.outcome;
    return execution.answer;
  } catch (error) {
    if (stop.cause() === 'hand-over') {
      // The drain time ended before the run was claimed or while the store was away.
      line['outcome'] = 'hand-over';
      return 'hand-over';
    }
    if (!isLoss(stop, error)) throw error;
    line['outcome'] = 'lost';
    return 'done';
  } finally {
    for (const cleanUp of cleanups) cleanUp();
    const durationMs = Math.round(performance.now() - startedAt);
    worker.logger.info({ ...line, durationMs }, 'run');
  }
}

async function claim(
  { sql, workerId, prices }: Worker,
  job: { readonly runId: string; readonly wakeup: number },
  stop: RunStop,
): Promise<RunClaim> {
  const claimId = newId();
  return await throughOutages(
    async () => await claimRun(sql, { ...job, claimId, workerId, prices }),
    stop.signal,
  );
}

async function executeClaimed(
  worker: Worker,
  run: {
    readonly runId: string;
    readonly claimed: Claimed;
    readonly stop: RunStop;
    readonly cleanups: (() => void)[];
    readonly line: Record<string, string | number>;
  },
): Promise<{ readonly answer: 'done' | 'hand-over'; readonly outcome: string }> {
  const { runId, claimed, stop, cleanups, line } = run;
  const { epoch } = claimed;
  if (claimed.cancelRequested) stop.stop('cancelled');
  let opened: OpenedRun;
  try {
    opened = await openRun({ ...worker, runId, epoch, stop });
  } catch (error) {
    if (isLoss(stop, error)) throw error;
    worker.logger.error({ runId, error }, 'run could not be opened');
    const { reason } = await endWithoutLog(worker, { runId, epoch });
    return { answer: 'done', outcome: reason ?? 'internal' };
  }
  const { context, journal } = opened;
  cleanups.push(() => journal.close());
  line['threadId'] = context.run.threadId;
  if (context.cancelRequested) stop.stop('cancelled');
  cleanups.push(pollForCancel(worker, { runId, epoch: () => journal.epoch }, stop));
  const maxDurationMs = context.run.limits.maxDurationMs ?? worker.maxDurationMs;
  const { waitedMs } = context;
  cleanups.push(stopAtTimeLimit({ startedAt: context.run.startedAt, waitedMs, maxDurationMs }, stop));
  try {
    if (claimed.crashes >= maxCrashes && stop.cause() === null) {
      const detail = `The run's worker died ${claimed.crashes} times without progress.`;
      const ended = await endAsFailed(worker, opened, { reason: 'crash-loop', code: 'crash_loop', detail });
      return { answer: 'done', outcome: ended.reason ?? 'crash-loop' };
    }
    if (context.hasExpiredApproval && stop.cause() === null) {
      const detail = 'Nobody answered in time whether the run may go on.';
      const ended = await endAsFailed(worker, opened, {
        reason: 'approval-expired',
        code: 'approval_expired',
        detail,
      });
      return { answer: 'done', outcome: ended.reason ?? 'approval-expired' };
    }
    return await goOn(worker, opened, stop);
  } catch (error) {
    if (isLoss(stop, error)) throw error;
    worker.logger.error({ runId, error }, 'run threw');
    const failure = { reason: 'internal', code: 'internal', detail: internalDetail } as const;
    const ended = await endAsFailed(worker, opened, failure);
    return { answer: 'done', outcome: ended.reason ?? 'internal' };
  }
}

/** Runs the loop and does what it decided. */
async function goOn(
  worker: Worker,
  opened: OpenedRun,
  stop: RunStop,
): Promise<{ readonly answer: 'done' | 'hand-over'; readonly outcome: string }> {
  const { context, journal } = opened;
  const { run, project, files } = context;
  const models = chooseModel(worker, run.model);
  if (models instanceof AppError) {
    const failure = { reason: 'model-error', code: models.code, detail: models.detail } as const;
    const ended = await endAsFailed(worker, opened, failure);
    return { answer: 'done', outcome: ended.reason ?? 'model-error' };
  }
  const { sandboxes, files: source, tools, retry, deadlines } = worker;
  const budget = createBudget(
    run,
    context.parts.map(({ part }) => part),
  );
  const naming = nameRunThread(worker, opened, { model: models.own, budget, signal: stop.signal });
  const running = runAgent({
    ...opened,
    models,
    tools,
    sandbox: createSandboxAccess({
      sandboxes,
      source,
      project,
      files,
      newFiles: filesOfLastMessage(context.history, files),
      wasTold: (text) => context.parts.some(({ part }) => 'errorText' in part && part.errorText === text),
      lastIncarnation: () => readLastIncarnation(worker.sql, { runId: run.id }),
      stop,
    }),
    pictures: createPictures({ files, source, signal: stop.signal, logger: worker.logger }),
    stop,
    shouldHandOver: worker.isDraining,
    isOwned: () => worker.lockAgeMs(run.id) < lockMs,
    endAside: naming.end,
    maxSteps: run.limits.maxSteps ?? worker.maxSteps,
    budget,
    retry,
    deadlines,
    logger: worker.logger.child({ runId: run.id, threadId: run.threadId }),
  });
  // However it ended: a title that is still asked for is given up.
  await Promise.allSettled([running]);
  await naming.end();
  const result = await running;
  if (result.outcome === 'hand-over') {
    await handOver(journal, result);
    return { answer: 'hand-over', outcome: 'hand-over' };
  }
  // Nothing is left to do for it until it is answered, and then its job is a new one.
  if (result.outcome === 'waiting') return { answer: 'done', outcome: 'awaiting-approval' };
  const ended = await endRun(worker, journal, result.ending);
  return { answer: 'done', outcome: ended.reason ?? result.ending.reason };
}

function chooseModel(worker: Worker, modelId: string): ModelChoice | AppError {
  try {
    return createModelChoice(worker.models, modelId);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** True when the run is not ours any more: nothing more may be written, and nothing is wrong. */
function isLoss(stop: RunStop, error: unknown): boolean {
  if (stop.cause() === 'lost' || error instanceof RunLostError) return true;
  return error instanceof RunStopped && error.stopCause === 'lost';
}
