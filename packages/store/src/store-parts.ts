import type { Usage } from '@switchyard/protocol';
import { fencedAnswerOf, jsonbValue, jsonValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { partRecord, type PartToStore } from './part-record.ts';

export interface StoreParts {
  readonly runId: string;
  readonly epoch: number;
  /** From 1. */
  readonly step: number;
  /** The whole step with its `step-start` part, as folded when the model's answer ended. */
  readonly parts: readonly PartToStore[];
  readonly usage: Usage;
  /** US dollars; null when the model's price is not known. */
  readonly costUsd: number | null;
  /** Of the last event appended. */
  readonly lastOrdinal: number;
  /** No model call follows: no further step is reserved. */
  readonly isFinal: boolean;
}

/**
 * Stores one step, settles its usage, reserves the next one's, and forgets the crashes before it. Throws RunLostError,
 * and `conflict` for a step that does not follow the last stored one (one stored twice, say).
 */
export async function storeParts(sql: Database, options: StoreParts): Promise<{ cancelRequested: boolean }> {
  const { runId, epoch, step, parts, usage, costUsd, lastOrdinal, isFinal } = options;
  const query = sql<{ answer: boolean }[]>`
    select store_parts(${runId}, ${epoch}, ${step}, ${jsonValue(sql, parts.map(partRecord))}, ${jsonbValue(sql, usage)},
      ${costUsd}, ${lastOrdinal}, ${isFinal}) as answer`;
  return { cancelRequested: await fencedAnswerOf(options, query) };
}
