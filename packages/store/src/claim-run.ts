import { type ModelEntry, newId } from '@switchyard/protocol';
import { answerOf, fencedAnswerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';

export type RunClaim =
  | {
      readonly outcome: 'claimed';
      /** Fences every earlier one. */
      readonly epoch: number;
      /** Claims after a lost lock since the last stored step, this one included. */
      readonly crashes: number;
      readonly cancelRequested: boolean;
    }
  | { readonly outcome: 'stale' };

interface ClaimAttempt {
  readonly runId: string;
  /** Repeated with the same id after a lost answer, a claim is told what it did the first time. Default: a new one. */
  readonly claimId?: string | undefined;
}

/**
 * What models cost, by their id; without a price, where it is not known. `promptTokens`: what each request sends beside
 * the conversation, about.
 */
export type ModelPrices = Readonly<
  Record<string, Partial<NonNullable<ModelEntry['price']>> & { readonly promptTokens: number }>
>;

/**
 * Takes the run for this worker and reserves the usage of its next step, at the price that `prices` has for its model; `stale` when the job names nothing to run: the
 * wakeup has moved on, or the run has ended or waits. A run that is still running is taken over: that counts as a
 * crash, and the model call that its worker left open is settled by estimate.
 */
export async function claimRun(
  sql: Database,
  options: ClaimAttempt & {
    readonly wakeup: number;
    readonly workerId: string;
    /** Default: none, and a first call that nobody reports on is counted without money. */
    readonly prices?: ModelPrices;
  },
): Promise<RunClaim> {
  const { runId, claimId = newId(), wakeup, workerId, prices = {} } = options;
  const claim = await answerOf(sql<
    { answer: { epoch: number; crashes: number; cancelRequested: boolean } | null }[]
  >`
    select claim_run(${runId}, ${wakeup}, ${workerId}, ${claimId}, ${jsonbValue(sql, prices)}) as answer`);
  return claim ? { outcome: 'claimed', ...claim } : { outcome: 'stale' };
}

/** A new epoch for the same worker, after the log was gone or had a hole: no crash. Throws RunLostError. */
export async function reclaimRun(
  sql: Database,
  { runId, claimId = newId(), epoch }: ClaimAttempt & { readonly epoch: number },
): Promise<{ epoch: number }> {
  const query = sql<{ answer: number }[]>`select reclaim_run(${runId}, ${epoch}, ${claimId}) as answer`;
  return { epoch: await fencedAnswerOf({ runId, epoch }, query) };
}
