import { AppError, type Run, type SwitchyardMessage } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type MessageRow, messageOfRow, type RunRow, runOfRow } from './rows.ts';

export interface MessagePage {
  /** Oldest first. */
  readonly messages: SwitchyardMessage[];
  /** Cursor for the page of older messages; null at the beginning. */
  readonly nextBefore: string | null;
  readonly activeRun: Run | null;
}

/**
 * The newest messages, or those before a cursor, at most `limit`. The message of a running run holds the parts stored
 * so far; superseded messages are left out. `threadId` is an id or an externalId. Throws `not_found`, and
 * `invalid_request` for a cursor that this verb never gave.
 */
export async function readMessages(
  sql: Database,
  actor: Actor,
  threadId: string,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<MessagePage> {
  if (before !== undefined && !/^\d{1,9}$/.test(before)) {
    throw new AppError('invalid_request', 'The cursor is not one that a page of messages gave.');
  }
  // One more than asked for tells whether there are older ones.
  const answer = await answerOf(sql<{ answer: { messages: MessageRow[]; activeRun: RunRow | null } }[]>`
    select read_messages(${actorValue(sql, actor)}, ${threadId}, ${before ?? null}, ${limit + 1}) as answer`);
  const hasMore = answer.messages.length > limit;
  const page = hasMore ? answer.messages.slice(1) : answer.messages;
  return {
    messages: page.map(messageOfRow),
    nextBefore: hasMore ? String(page[0]?.position) : null,
    activeRun: answer.activeRun && runOfRow(answer.activeRun),
  };
}
