import type { UserId } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

/** The actor of a signed-in user; makes the user's personal account on first sight. */
export async function resolveUser(
  _sql: Database,
  _user: { readonly userId: UserId; readonly email: string | null },
): Promise<Actor> {
  throw new Error('not built yet');
}
/** The actor of an API key, or null when nobody has that key. */
export async function resolveApiKey(_sql: Database, _key: string): Promise<Actor | null> {
  throw new Error('not built yet');
}
