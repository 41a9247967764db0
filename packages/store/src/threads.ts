import { AppError, newId, type Thread, type UpdateThreadRequest } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { type ThreadRow, threadOfRow } from './rows.ts';
import type { DeletedRuns, ThreadPage } from './stored.ts';

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

export interface ListThreads {
  readonly before?: string | undefined;
  readonly limit: number;
  /** Default false: archived ones are left out; with true they alone are listed. */
  readonly archived?: boolean | undefined;
  /** Finds it, without regard to case, in titles and in the texts of the 500 newest messages. */
  readonly search?: string | undefined;
}

interface FoundThreads {
  readonly threads: ThreadRow[];
  /** The last thread that was looked at, when there may be more. */
  readonly scannedTo: Pick<ThreadRow, 'active_at' | 'id'> | null;
}

/**
 * The account's threads, the last active first. A search looks at a bounded number of threads, so that a page of it may
 * be short or empty and still have a `nextBefore`. Throws `invalid_request` for a cursor that this verb never gave.
 */
export async function listThreads(
  sql: Database,
  actor: Actor,
  { before, limit, archived = false, search }: ListThreads,
): Promise<ThreadPage> {
  const cursor = before === undefined ? null : parseCursor(before);
  const pattern = search === undefined ? null : `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const { threads: rows, scannedTo } = await answerOf(sql<{ answer: FoundThreads }[]>`
    select find_threads(${actorValue(sql, actor)}, ${cursor?.activeAt ?? null}::text::timestamptz, ${cursor?.id ?? null}, ${limit + 1}, ${archived}, ${pattern}) as answer`);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : scannedTo;
  return { threads: page.map(threadOfRow), nextBefore: last ? formatCursor(last) : null };
}

/** What is absent stays; a title of null takes it away, metadata is replaced as a whole. Throws `not_found`, `forbidden`. */
export async function updateThread(
  sql: Database,
  actor: Actor,
  threadId: string,
  changes: UpdateThreadRequest,
): Promise<Thread> {
  const row = await answerOf(sql<{ answer: ThreadRow }[]>`
    select update_thread(${actorValue(sql, actor)}, ${threadId}, ${jsonbValue(sql, changes)}) as answer`);
  return threadOfRow(row);
}

/**
 * Removes the thread with its messages and runs for good; what is at work in it is stopped. Who made it may, and an
 * owner. Throws `not_found`, `forbidden`.
 */
export async function deleteThread(sql: Database, actor: Actor, threadId: string): Promise<DeletedRuns> {
  return await answerOf(sql<{ answer: DeletedRuns }[]>`
    select delete_thread(${actorValue(sql, actor)}, ${threadId}) as answer`);
}

/** Postgres's own text of the time, since a cursor rounded to milliseconds would repeat or skip threads. */
function formatCursor(row: Pick<ThreadRow, 'active_at' | 'id'>): string {
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
