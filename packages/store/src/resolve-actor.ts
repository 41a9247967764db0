import { type AccountId, newId, type UserId } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { answerOf } from './answer-of.ts';
import { hashApiKey } from './api-keys.ts';
import type { Database } from './database.ts';

/**
 * The actor of a signed-in user, for the personal account, which is made on first sight; any number of first requests
 * at once make one account.
 */
export async function resolveUser(
  sql: Database,
  { userId, email }: { readonly userId: UserId; readonly email: string | null },
): Promise<Actor> {
  const accountId = await answerOf(sql<{ answer: AccountId }[]>`
    select personal_account(${userId}, ${email ?? 'Personal'}, ${newId()}) as answer`);
  return { accountId, userId, apiKeyId: null };
}

/** The actor of an API key, or null when nobody has that key. */
export async function resolveApiKey(sql: Database, key: string): Promise<Actor | null> {
  return answerOf(sql<{ answer: Actor | null }[]>`
    select (
      select json_build_object('accountId', k.account_id, 'userId', null, 'apiKeyId', k.id)
      from api_keys k where k.hash = ${hashApiKey(key)} and k.revoked_at is null
    ) as answer`);
}
