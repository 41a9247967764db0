import type { RunReason } from '@switchyard/protocol';
import type { Asked } from './ask-model.ts';
import type { EndingCall } from './call-tools.ts';
import type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
import { composeEnding, type Decision } from './ending.ts';
import { RunStopped } from './run-stop.ts';
import { nothingSpent, type Spent } from './usage.ts';

/** What keeps the next step from beginning; null when nothing does. */
export async function stopBefore(claimed: ClaimedRun, step: number): Promise<AgentOutcome | null> {
  const { stop, maxSteps } = claimed;
  if (!claimed.isOwned()) stop.stop('lost');
  if (stop.cause() === null && claimed.shouldHandOver()) stop.stop('hand-over');
  if (stop.cause() !== null) return await endStopped(claimed, { step, isStored: false });
  if (step > maxSteps) {
    const error = { code: 'step_limit', detail: `The run has used all of its ${maxSteps} steps.` };
    return await end(claimed, { reason: 'step-limit', error, step, isStored: false });
  }
  const shortage = claimed.budget.exhausted();
  return shortage && (await endExhausted(claimed, { shortage, step }));
}

/** Ends a run that has used its tokens or its money. */
export async function endExhausted(
  claimed: ClaimedRun,
  {
    shortage,
    spent,
    step,
  }: Pick<Extract<Asked, { outcome: 'exhausted' }>, 'shortage'> & {
    readonly step: number;
    readonly spent?: Spent;
  },
): Promise<AgentOutcome> {
  return await end(claimed, { reason: 'budget', error: shortage, step, isStored: false, spent });
}

/** Ends what was told to stop: the run itself, or only this worker's part in it. */
export async function endStopped(
  claimed: ClaimedRun,
  at: {
    readonly step: number;
    readonly isStored: boolean;
    readonly modelAbortedAt?: string | null;
    readonly toolKilledAt?: string | null;
    readonly spent?: Spent;
  },
): Promise<AgentOutcome> {
  const { modelAbortedAt, toolKilledAt, ...rest } = at;
  switch (claimed.stop.cause()) {
    case 'hand-over':
      return { outcome: 'hand-over', spent: at.spent ?? nothingSpent };
    case 'cancelled': {
      const cancelReceipt = {
        ...(modelAbortedAt ? { modelAbortedAt } : {}),
        ...(toolKilledAt ? { toolKilledAt } : {}),
      };
      return await end(claimed, { ...rest, reason: 'cancelled', cancelReceipt });
    }
    case 'time-limit': {
      const error = { code: 'time_limit', detail: 'The run has used all of its time.' };
      return await end(claimed, { ...rest, reason: 'time-limit', error });
    }
    case 'lost':
    case null:
      throw new RunStopped('lost');
  }
}

/** Ends a run whose model was told that it repeats itself, and goes on repeating itself. */
export async function endStuck(
  claimed: ClaimedRun,
  at: { readonly step: number; readonly spent?: Spent },
): Promise<AgentOutcome> {
  const detail = 'The agent repeated itself without progress, also after it was told so.';
  return await end(claimed, { ...at, reason: 'stuck', error: { code: 'stuck', detail }, isStored: false });
}

/** Ends a run whose model gave no answer. */
export async function endFailed(
  claimed: ClaimedRun,
  { failure, spent, step }: Extract<Asked, { outcome: 'failed' }> & { readonly step: number },
): Promise<AgentOutcome> {
  const isOverflow = failure.kind === 'context-overflow';
  const error = { code: isOverflow ? 'context_overflow' : 'model_failed', detail: failure.detail };
  const reason = isOverflow ? 'context-overflow' : 'model-error';
  return await end(claimed, { reason, error, step, isStored: false, spent });
}

/** Ends a run by its last answer. */
export async function endAnswered(
  claimed: ClaimedRun,
  at: Extract<Decision, { next: 'end' }> & { readonly step: number; readonly spent: Spent },
): Promise<AgentOutcome> {
  const { reason, error, step, spent } = at;
  return await end(claimed, { reason, error, step, spent, isStored: false });
}

/** Ends a run by a call of a stored answer. */
export async function endedBy(
  claimed: ClaimedRun,
  { reason, settled, step }: EndingCall & { readonly step: number },
): Promise<AgentOutcome> {
  return await end(claimed, { reason, last: settled, step, isStored: true });
}

type EndingOptions = Parameters<typeof composeEnding>[0];

async function end(
  { journal }: ClaimedRun,
  options: Pick<EndingOptions, 'reason' | 'error' | 'cancelReceipt' | 'last' | 'step' | 'isStored'> & {
    readonly spent?: Spent | undefined;
  },
): Promise<AgentOutcome> {
  const { spent, ...rest } = options;
  const ending = await composeEnding({
    ...rest,
    chunks: journal.step.chunks,
    openCallText: openCallTexts[rest.reason] ?? 'Not run: the run had ended.',
    ...spent,
  });
  return { outcome: 'ended', ending };
}

const openCallTexts: Readonly<Partial<Record<RunReason, string>>> = {
  cancelled: 'Cancelled: the call was stopped, or not begun, when the run was cancelled.',
  'time-limit': 'Stopped: the run had used all of its time.',
};
