import {
  closedCall,
  composeEnding,
  type OpenedRun,
  type RunEnding,
  type RunJournal,
  type Spent,
} from '@switchyard/agent';
import { type Chunk, endingChunks, isToolPart, type Run, type RunReason } from '@switchyard/protocol';
import { finishRun, loadRun, releaseRun, type RunContext } from '@switchyard/store';
import type { Worker } from './worker.ts';

/** Sealing must not hold up a run's end for long; a guess. */
const sealMs = 5000;

/** What the model of the next run reads of a call that got no result. */
const failedCallText = 'Not run: the run had failed.';
const openCallTexts: Readonly<Partial<Record<RunReason, string>>> = {
  // Also of a call that somebody had agreed to, while the run still waited for another's answer.
  'approval-expired':
    'Not run: the run waited for a person’s consent, and nobody answered in time. That is no refusal; call again when it is still wanted, and the person is asked anew.',
};

/**
 * Ends the run in the store, then shows the ending. Closing chunks and ending chunks follow from the ended run alone,
 * so their ids are fixed before they are appended: a log that never gets them is served as a snapshot.
 */
export async function endRun(worker: Worker, journal: RunJournal, ending: RunEnding): Promise<Run> {
  const { reason, error, lastStep, closedCalls, cancelReceipt, closing } = ending;
  const { run, promoted } = await journal.store(async (sql, position) =>
    finishRun(sql, {
      ...position,
      lastOrdinal: position.lastOrdinal + closing.length,
      reason,
      error,
      lastStep,
      closedCalls,
      cancelReceipt,
    }),
  );
  await Promise.all([showEnding(worker, journal, run, closing), queuePromoted(worker, promoted)]);
  return run;
}

async function showEnding(
  worker: Worker,
  journal: RunJournal,
  run: Run,
  closing: readonly Chunk[],
): Promise<void> {
  try {
    await journal.end([...closing, ...endingChunks(run)], worker.runGraceMs);
  } catch (error) {
    worker.logger.warn({ runId: run.id, error }, 'the ending could not be shown');
  }
}

async function queuePromoted(
  worker: Worker,
  promoted: Awaited<ReturnType<typeof finishRun>>['promoted'],
): Promise<void> {
  for (const run of promoted) {
    try {
      await worker.queue.add(run);
    } catch (error) {
      worker.logger.warn({ runId: run.runId, error }, 'a promoted run was left to the sweep');
    }
  }
}

/** Ends a run that the loop itself could not end: whatever is open in it is closed with an error. */
export async function endAsFailed(
  worker: Worker,
  opened: OpenedRun,
  failure: { readonly reason: RunReason; readonly code: string; readonly detail: string },
): Promise<Run> {
  const { journal, context } = opened;
  const { reason, code, detail } = failure;
  const stored = await journal.store(async (sql, { runId, epoch }) => loadRun(sql, { runId, epoch }));
  const { parts } = stored;
  await sealCalls(worker, stored);
  const storedSteps = parts.reduce((highest, { step }) => Math.max(highest, step), 0);
  const ending = await composeEnding({
    reason,
    error: { code, detail },
    chunks: journal.step.chunks,
    step: journal.stepNumber,
    isStored: journal.stepNumber <= storedSteps,
    openCallText: openCallTexts[reason] ?? failedCallText,
  });
  worker.logger.error({ runId: context.run.id, reason, detail }, 'run failed');
  return await endRun(worker, journal, ending);
}

/** Ends a run whose log could not even be opened or mended; its viewers get the stored parts. */
export async function endWithoutLog(
  worker: Worker,
  { runId, epoch }: { readonly runId: string; readonly epoch: number },
): Promise<Run> {
  const stored = await loadRun(worker.sql, { runId, epoch });
  const { parts, lastOrdinal } = stored;
  await sealCalls(worker, stored);
  const closedCalls = parts.flatMap(({ part, call }) => {
    if (call === null || !isToolPart(part) || call.ledger === 'done' || call.ledger === 'unknown') return [];
    return [{ callId: call.callId, part: closedCall(part, failedCallText) }];
  });
  const { run, promoted } = await finishRun(worker.sql, {
    runId,
    epoch,
    reason: 'internal',
    error: { code: 'internal', detail: internalDetail },
    closedCalls,
    lastOrdinal,
  });
  await queuePromoted(worker, promoted);
  return run;
}

/**
 * Ends what may still run of the calls of a run that is about to end, and refuses a late start of them by a worker that
 * was only frozen. Best effort: a sandbox that does not answer does not keep a run from its end.
 */
async function sealCalls(worker: Worker, { parts, project, run }: RunContext): Promise<void> {
  const { id: projectId, sandboxId } = project;
  const signal = AbortSignal.timeout(sealMs);
  for (const { call } of parts) {
    if (sandboxId === null || call?.ledger !== 'executing' || call.incarnation === null) continue;
    try {
      const sandbox = await worker.sandboxes.open({ projectId, sandboxId, mayCreate: false, signal });
      await sandbox.sealCall(call.callId, call.incarnation, { signal });
    } catch (error) {
      worker.logger.warn({ runId: run.id, callId: call.callId, error }, 'a call could not be sealed');
    }
  }
}

/** All that users learn of a fault of ours; the log has the rest. */
export const internalDetail = 'Something went wrong on our side.';

/** Gives the run to another worker: no crash is counted, and its log stays open. */
export async function handOver(journal: RunJournal, { spent }: { readonly spent: Spent }): Promise<void> {
  await journal.store(async (sql, position) => releaseRun(sql, { ...position, spent }));
  journal.close();
}
