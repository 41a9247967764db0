import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';

/** How many of a thread's runs are answered at most. */
const maxRuns = 200;

/** Throws `not_found`. */
export async function readRun(sql: Database, actor: Actor, runId: string): Promise<Run> {
  const row = await answerOf(sql<{ answer: RunRow }[]>`
    select to_json(find_run(${actorValue(sql, actor)}, 'read', ${runId})) as answer`);
  return runOfRow(row);
}

/** The thread's runs, newest first, at most 200. `threadId` is an id or an externalId. Throws `not_found`. */
export async function listThreadRuns(sql: Database, actor: Actor, threadId: string): Promise<Run[]> {
  const rows = await answerOf(sql<{ answer: RunRow[] }[]>`
    select list_thread_runs(${actorValue(sql, actor)}, ${threadId}, ${maxRuns}) as answer`);
  return rows.map(runOfRow);
}
