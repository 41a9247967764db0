import {
  type DataPart,
  type Run,
  type RunReason,
  storableJson,
  type ToolPart,
  type Usage,
} from '@switchyard/protocol';
import { fencedAnswerOf, jsonbValue, jsonValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { RunLostError } from './errors.ts';
import { partRecord, type PartToStore } from './part-record.ts';
import { type RunRow, runOfRow } from './rows.ts';
import type { RunnableRun } from './stored.ts';

export interface FinishRun {
  readonly runId: string;
  readonly epoch: number;
  readonly reason: RunReason;
  readonly error?: { readonly code: string; readonly detail: string } | undefined;
  /**
   * The step that was under way, closed; not stored before. Without usage its model call is settled by estimate; with
   * usage, a cost that is absent or null is one that is not known. Without parts its model call is counted, and no step.
   * Absent: no model call was under way, and a reserved one costs nothing.
   */
  readonly lastStep?:
    | {
        readonly step: number;
        readonly parts: readonly PartToStore[];
        readonly usage?: Usage | undefined;
        readonly costUsd?: number | null | undefined;
      }
    | undefined;
  /**
   * Calls of stored steps that get their last part with the end: those that will have no result of their own, and the one
   * that ended the run. `appended` parts follow in its step, in stream order.
   */
  readonly closedCalls?:
    | readonly {
        readonly callId: string;
        readonly part: ToolPart;
        readonly appended?: readonly DataPart[] | undefined;
      }[]
    | undefined;
  /** Of the last event appended before the two ending chunks. */
  readonly lastOrdinal: number;
  /** When the stop reached the model request and the running tool; ISO 8601. Kept when the run ends as cancelled. */
  readonly cancelReceipt?:
    | { readonly modelAbortedAt?: string | undefined; readonly toolKilledAt?: string | undefined }
    | undefined;
}

/**
 * Ends the run and stores the id of its last event; a requested cancel wins over any reason. `promoted` are runs that
 * this end made runnable: the caller adds them to the queue. The same epoch may repeat the call (after a lost answer):
 * it finds the run as it ended it. Throws RunLostError, and `conflict` for a last step that does not follow.
 */
export async function finishRun(
  sql: Database,
  options: FinishRun,
): Promise<{ run: Run; promoted: RunnableRun[] }> {
  const { runId, epoch, reason, error, lastStep, closedCalls, lastOrdinal, cancelReceipt } = options;
  const records = lastStep?.parts.map(partRecord);
  const step = lastStep && {
    step: lastStep.step,
    parts: records,
    characters: JSON.stringify(records).length,
    usage: lastStep.usage,
    costUsd: lastStep.costUsd,
  };
  const query = sql<{ answer: { run: RunRow; promoted: RunnableRun[] } }[]>`
    select finish_run(${runId}, ${epoch}, ${reason}, ${jsonbValue(sql, error && storableJson(error))},
      ${jsonValue(sql, step)}, ${jsonValue(sql, closedCalls && storableJson(closedCalls))}, ${lastOrdinal},
      ${jsonbValue(sql, cancelReceipt)}) as answer`;
  const answer = await fencedAnswerOf(options, query);
  // Its thread was deleted while this waited for the locks.
  if (!answer.run?.id) throw new RunLostError(options);
  return { run: runOfRow(answer.run), promoted: answer.promoted };
}
