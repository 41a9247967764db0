import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RequestedCancel, type RequestedCancelRow, requestedCancelOfRow } from './request-cancel.ts';
import { type RunRow, runOfRow } from './rows.ts';

/**
 * Whether the thread shows a user's message of this id, and this hash when one is given. False too for an unknown
 * thread.
 */
export async function hasMessage(
  sql: Database,
  actor: Actor,
  message: {
    readonly threadId: string;
    readonly messageId: string;
    readonly clientHash?: string | undefined;
  },
): Promise<boolean> {
  return await answerOf(sql<{ answer: boolean }[]>`
    select has_message(${actorValue(sql, actor)}, ${message.threadId}, ${message.messageId},
      ${message.clientHash ?? null}) as answer`);
}

/**
 * The run that a chat shows: the one at work, else the first that waits, else the last one if it ended within
 * `graceMs`. Null when there is none or no such thread; superseded runs do not count.
 */
export async function readChatRun(
  sql: Database,
  actor: Actor,
  { threadId, graceMs }: { readonly threadId: string; readonly graceMs: number },
): Promise<Run | null> {
  const row = await answerOf(sql<{ answer: RunRow | null }[]>`
    select read_chat_run(${actorValue(sql, actor)}, ${threadId}, ${graceMs}) as answer`);
  return row && runOfRow(row);
}

/** The run that writes an assistant's message. Throws `not_found` (thread, message), `forbidden`. */
export async function readAnsweringRun(
  sql: Database,
  actor: Actor,
  { threadId, messageId }: { readonly threadId: string; readonly messageId: string },
): Promise<Run> {
  const row = await answerOf(sql<{ answer: RunRow }[]>`
    select read_answering_run(${actorValue(sql, actor)}, ${threadId}, ${messageId}) as answer`);
  return runOfRow(row);
}

/**
 * Stops what the thread is at, as `requestCancel` does; a run that waits its turn behind that one keeps it. About the
 * last run when none is open, and null when the thread never had one. Throws `not_found`, `forbidden`.
 */
export async function stopThread(
  sql: Database,
  actor: Actor,
  threadId: string,
): Promise<RequestedCancel | null> {
  const row = await answerOf(sql<{ answer: RequestedCancelRow | null }[]>`
    select stop_thread(${actorValue(sql, actor)}, ${threadId}) as answer`);
  return row && requestedCancelOfRow(row);
}
