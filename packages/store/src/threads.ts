import { AppError, newId, type Thread } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { type ThreadRow, threadOfRow } from './rows.ts';
import type { ThreadPage } from './stored.ts';

export interface CreateThread {
  /** Absent: a new project. */
  readonly projectId?: string | undefined;
  /** The client's own name for it, 1-128 of `A-Za-z0-9_-`, unique in the account. */
  readonly externalId?: string | undefined;
  readonly title?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Throws `not_found` (project), `conflict` (externalId used before), `forbidden`. */
export async function createThread(sql: Database, actor: Actor, options: CreateThread): Promise<Thread> {
  const request = { ...options, threadId: newId(), newProjectId: newId() };
  const row = await answerOf(sql<{ answer: ThreadRow }[]>`
    select create_thread(${actorValue(sql, actor)}, ${jsonbValue(sql, request)}) as answer`);
  return threadOfRow(row);
}

/** `threadId` is an id or an externalId. Throws `not_found`. */
export async function readThread(sql: Database, actor: Actor, threadId: string): Promise<Thread> {
  const row = await answerOf(sql<{ answer: ThreadRow }[]>`
    select thread_row(find_thread(${actorValue(sql, actor)}, 'read', ${threadId})) as answer`);
  return threadOfRow(row);
}

/** The account's threads, the last active first. Throws `invalid_request` for a cursor that this verb never gave. */
export async function listThreads(
  sql: Database,
  actor: Actor,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<ThreadPage> {
  const cursor = before === undefined ? null : parseCursor(before);
  const rows = await answerOf(sql<{ answer: ThreadRow[] }[]>`
    select list_threads(${actorValue(sql, actor)}, ${cursor?.activeAt ?? null}::text::timestamptz, ${cursor?.id ?? null}, ${limit + 1}) as answer`);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    threads: page.map(threadOfRow),
    nextBefore: rows.length > limit && last ? formatCursor(last) : null,
  };
}

/** Postgres's own text of the time, since a cursor rounded to milliseconds would repeat or skip threads. */
function formatCursor(row: ThreadRow): string {
  return Buffer.from(`${row.active_at} ${row.id}`).toString('base64url');
}

function parseCursor(cursor: string): { activeAt: string; id: string } {
  const [activeAt, id, ...rest] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (
    !activeAt ||
    !id ||
    rest.length > 0 ||
    Number.isNaN(Date.parse(activeAt)) ||
    !/^[0-9a-f-]{36}$/.test(id)
  ) {
    throw new AppError('invalid_request', 'The cursor is not one that a page of threads gave.');
  }
  return { activeAt, id };
}
