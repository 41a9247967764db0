import { createHash, randomInt } from 'node:crypto';
import { newId } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 40 of 62 characters: 238 bits, beyond guessing, so that an unsalted hash is enough. */
const keyLength = 40;

/**
 * Makes an API key for the actor's account: `sy_` and 40 characters. The key is answered once and never stored. Throws
 * `forbidden` for members and for keys: only an owner makes keys.
 */
export async function createApiKey(
  sql: Database,
  actor: Actor,
  { name }: { readonly name: string },
): Promise<{ id: string; key: string }> {
  const key = `sy_${Array.from({ length: keyLength }, () => alphabet[randomInt(alphabet.length)]).join('')}`;
  const id = await answerOf(sql<{ answer: string }[]>`
    select create_api_key(${actorValue(sql, actor)}, ${newId()}, ${name}, ${hashApiKey(key)}, ${key.slice(0, 7)}) as answer`);
  return { id, key };
}

/** What is stored and looked up instead of the key. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
