import type { Usage } from '@switchyard/protocol';
import { answerOf, fencedAnswerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { RunLostError } from './errors.ts';

/**
 * Hand-over: `running` → `queued` under the same wakeup; no crash is counted. `spent`: by model calls since the last
 * stored step; of none, the reserved call costs nothing. A cost of null is one that is not known. Throws RunLostError.
 */
export async function releaseRun(
  sql: Database,
  options: {
    readonly runId: string;
    readonly epoch: number;
    /** Of the last event appended. */
    readonly lastOrdinal: number;
    readonly spent?: { readonly usage: Usage; readonly costUsd: number | null } | undefined;
  },
): Promise<void> {
  const { runId, epoch, lastOrdinal, spent } = options;
  const settled = spent && spent.usage.totalTokens > 0 ? spent : null;
  await fencedAnswerOf(
    options,
    sql<{ answer: string }[]>`
    select release_run(${runId}, ${epoch}, ${lastOrdinal}, ${jsonbValue(sql, settled)}) as answer`,
  );
}

/** Whether a cancel was asked for. Throws RunLostError. */
export async function isCancelRequested(
  sql: Database,
  { runId, epoch }: { readonly runId: string; readonly epoch: number },
): Promise<boolean> {
  const answer = await answerOf(sql<{ answer: boolean | null }[]>`
    select (
      select r.cancel_requested_at is not null from runs r
      where r.id = ${runId} and r.epoch = ${epoch} and r.status = 'running'
    ) as answer`);
  if (answer === null) throw new RunLostError({ runId, epoch });
  return answer;
}
