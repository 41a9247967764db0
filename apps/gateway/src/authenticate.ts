import { createHash } from 'node:crypto';
import { AppError, type UserId } from '@switchyard/protocol';
import { type Actor, type Database, resolveApiKey, resolveUser } from '@switchyard/store';
import { z } from 'zod';
import { createTokenVerifier, type TokenVerifierOptions } from './verify-token.ts';
import { limits } from './limits.ts';

/** The actor that an `Authorization` header names; rejects with AppError `unauthorized`, or `unavailable`. */
export type Authenticate = (authorization: string | undefined) => Promise<Actor>;

const userIdSchema = z.uuid().transform((id) => id as UserId);

interface Remembered {
  readonly actor: Actor;
  /** Unix time in milliseconds. */
  readonly expiresAt: number;
}

/**
 * Makes the check of access tokens and API keys. What was verified is remembered by the credential's SHA-256 until the
 * token expires (at most `limits.tokenCacheMs`; keys `limits.apiKeyCacheMs`), so that a busy client costs no signature
 * and no query per request. Refusals are never remembered.
 */
export function createAuthenticator({
  sql,
  ...options
}: { readonly sql: Database } & TokenVerifierOptions): Authenticate {
  const verifyToken = createTokenVerifier(options);
  const remembered = new Map<string, Remembered>();

  async function identify(credential: string): Promise<Remembered> {
    const now = Date.now();
    if (credential.startsWith('sy_')) {
      const actor = await resolveApiKey(sql, credential);
      if (!actor) throw new AppError('unauthorized', 'The API key is not valid.');
      return { actor, expiresAt: now + limits.apiKeyCacheMs };
    }
    const claims = await verifyToken(credential);
    const userId = userIdSchema.safeParse(claims.sub);
    if (!userId.success) throw new AppError('unauthorized', 'The token does not name a user.');
    const actor = await resolveUser(sql, { userId: userId.data, email: claims.email });
    return { actor, expiresAt: Math.min(claims.expiresAtMs, now + limits.tokenCacheMs) };
  }

  return async (authorization) => {
    const credential = bearerOf(authorization);
    const key = createHash('sha256').update(credential).digest('base64');
    const known = remembered.get(key);
    if (known && known.expiresAt > Date.now()) return known.actor;
    remembered.delete(key);
    const identity = await identify(credential);
    if (remembered.size >= limits.cachedIdentities) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest);
        break;
      }
    }
    remembered.set(key, identity);
    return identity.actor;
  };
}

function bearerOf(authorization: string | undefined): string {
  const match = /^Bearer +([\w.~+/=-]{1,16384})$/i.exec(authorization ?? '');
  if (!match?.[1])
    throw new AppError('unauthorized', 'Send `Authorization: Bearer <access token or API key>`.');
  return match[1];
}
