import { type DataPart, storableJson, type ToolPart } from '@switchyard/protocol';
import { fencedAnswerOf, jsonValue } from './answer-of.ts';
import type { Database } from './database.ts';
import type { Ledger } from './stored.ts';

export interface SetToolState {
  readonly runId: string;
  readonly epoch: number;
  readonly callId: string;
  readonly ledger: Ledger;
  /** Kept as it is when absent. */
  readonly incarnation?: string | null | undefined;
  /** The finished tool part; replaces the stored one. */
  readonly part?: ToolPart | undefined;
  /** Appended to the call's step, in stream order. */
  readonly appended?: readonly DataPart[] | undefined;
  /** Of the last event appended to the log. */
  readonly lastOrdinal: number;
}

/**
 * Moves one call of the ledger, and stores its result with it. A call that is done stays done: the same write repeated
 * changes nothing, another is a `conflict`. Throws RunLostError, and `not_found` for a call that is not stored.
 */
export async function setToolState(
  sql: Database,
  options: SetToolState,
): Promise<{ cancelRequested: boolean }> {
  const { runId, epoch, callId, ledger, incarnation, part, appended, lastOrdinal } = options;
  const query = sql<{ answer: boolean }[]>`
    select set_tool_state(${runId}, ${epoch}, ${callId}, ${ledger}, ${incarnation ?? null},
      ${jsonValue(sql, part && storableJson(part))}, ${jsonValue(sql, appended && storableJson(appended))},
      ${lastOrdinal}) as answer`;
  return { cancelRequested: await fencedAnswerOf(options, query) };
}
