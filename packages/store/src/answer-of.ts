import { AppError } from '@switchyard/protocol';
import postgres from 'postgres';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';
import { RunLostError, translateError } from './errors.ts';

/** How long a verb may take, a wait for a connection and for locks included. Guess: no verb needs a second. */
const deadlineMs = 15_000;

type Answering<Answer> = postgres.PendingQuery<{ answer: Answer }[]>;

/**
 * Runs a query of one row with one column `answer`. Throws AppError for what our SQL refuses, and `unavailable` when
 * Postgres does not answer within 15 s.
 */
export async function answerOf<Answer>(query: Answering<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new AppError('unavailable', 'The database does not answer. Try again soon.'));
      query.cancel();
    }, deadlineMs);
  });
  try {
    const [row] = await Promise.race([query, deadline]);
    if (!row) throw new Error('a query of one row answered none');
    return row.answer;
  } catch (error) {
    throw translateError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** The same for a worker's verb: throws RunLostError when the run is no longer this epoch's. */
export async function fencedAnswerOf<Answer>(
  run: { readonly runId: string; readonly epoch: number },
  query: Answering<Answer>,
): Promise<Answer> {
  try {
    return await answerOf(query);
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === 'SY001') throw new RunLostError(run, error);
    throw error;
  }
}

/** An SQL value of type `actor`. */
export function actorValue(sql: Database, actor: Actor) {
  return sql`row(${actor.accountId}::uuid, ${actor.userId}::uuid, ${actor.apiKeyId}::uuid)::actor`;
}

/** An SQL value of type json, the order of its keys kept; SQL's null for null and undefined. */
export function jsonValue(sql: Database, value: unknown) {
  return value === null || value === undefined ? sql`null::json` : sql`${sql.typed(value, 114)}::json`;
}

/** An SQL value of type jsonb; SQL's null for null and undefined. */
export function jsonbValue(sql: Database, value: unknown) {
  return value === null || value === undefined ? sql`null::jsonb` : sql`${sql.typed(value, 3802)}::jsonb`;
}
