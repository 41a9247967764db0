import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

/** Makes an API key for the actor's account. The key itself is answered once and never stored. */
export async function createApiKey(
  _sql: Database,
  _actor: Actor,
  _options: { readonly name: string },
): Promise<{ id: string; key: string }> {
  throw new Error('not built yet');
}
