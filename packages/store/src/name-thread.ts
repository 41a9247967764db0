import type { Usage } from '@switchyard/protocol';
import { fencedAnswerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';

/**
 * Gives the run's thread a title unless it has one, and adds what the title cost to the run. A provisional title only
 * stands until another one comes. Answers whether the title was taken. Throws RunLostError.
 */
export async function nameThread(
  sql: Database,
  options: {
    readonly runId: string;
    readonly epoch: number;
    readonly title: string;
    readonly isProvisional: boolean;
    readonly usage: Usage;
    readonly costUsd: number | null;
  },
): Promise<boolean> {
  const { runId, epoch, title, isProvisional, usage, costUsd } = options;
  const query = sql<{ answer: boolean }[]>`
    select name_thread(${runId}, ${epoch}, ${title}, ${isProvisional}, ${jsonbValue(sql, usage)}, ${costUsd}) as answer`;
  return await fencedAnswerOf({ runId, epoch }, query);
}
