import { type Run, storableJson, type ToolPart, toolNameOf } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, fencedAnswerOf, jsonbValue, jsonValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';
import type { RunnableRun } from './stored.ts';

export interface ParkRun {
  readonly runId: string;
  readonly epoch: number;
  /** Of the last event appended. One for each call follows, then the wait's own. */
  readonly lastOrdinal: number;
  /** The calls that wait, as they will be shown: in state `approval-requested`, with the approval's id. */
  readonly calls: readonly { readonly approvalId: string; readonly part: ToolPart }[];
}

/**
 * `running` → `awaiting-approval`: the run waits for a person's answers and needs no worker until it has them all. When
 * a cancel was asked for nothing is changed. The same call may be repeated. Throws RunLostError.
 */
export async function parkRun(sql: Database, options: ParkRun): Promise<{ cancelRequested: boolean }> {
  const { runId, epoch, lastOrdinal } = options;
  const calls = options.calls.map(({ approvalId, part }) => ({
    approvalId,
    callId: part.toolCallId,
    toolName: toolNameOf(part),
    part: storableJson(part),
  }));
  const query = sql<{ answer: boolean }[]>`
    select park_run(${runId}, ${epoch}, ${lastOrdinal}, ${jsonValue(sql, calls)}) as answer`;
  return { cancelRequested: await fencedAnswerOf(options, query) };
}

/** What a person said to one call that waits for consent. */
export interface ApprovalAnswer {
  readonly approvalId: string;
  readonly approved: boolean;
  readonly reason?: string | undefined;
}

export interface AnsweredApprovals {
  readonly run: Run;
  /** The event under which the run waited for the last of these answers. */
  readonly waitEventId: string | null;
  /** Holds the run when it goes on: the caller adds it to the queue. */
  readonly runnable: readonly RunnableRun[];
}

/**
 * Answers calls that wait, all or none; the run goes on once each of its calls has an answer. Bound to the call as it is
 * stored. The same answer again changes nothing, even after the run's end. Throws `not_found` (run, approval),
 * `conflict` (answered otherwise, no longer waited for, or too late), `forbidden`.
 */
export async function answerApprovals(
  sql: Database,
  actor: Actor,
  { runId, answers }: { readonly runId: string; readonly answers: readonly ApprovalAnswer[] },
): Promise<AnsweredApprovals> {
  const given = answers.map(({ approvalId, ...answer }) => ({ id: approvalId, ...answer }));
  const row = await answerOf(sql<{ answer: Omit<AnsweredApprovals, 'run'> & { run: RunRow } }[]>`
    select answer_approvals(${actorValue(sql, actor)}, ${runId}, ${jsonbValue(sql, given)}) as answer`);
  return { ...row, run: runOfRow(row.run) };
}
