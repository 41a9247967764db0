import { createHmac, randomUUID, sign, timingSafeEqual, verify } from 'node:crypto';
import type { SupabaseSecrets } from './keys.ts';

/** How long an access token is valid, in seconds: Supabase's default. */
export const accessTokenSeconds = 3600;

export interface TokenRequest {
  readonly userId: string;
  readonly email: string;
  readonly expiresInS?: number;
  /** For tests of what a verifier must refuse: put over the usual claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Signs an access token with the claims that Supabase Auth gives. */
export function signAccessToken(secrets: SupabaseSecrets, issuer: string, request: TokenRequest): string {
  const now = Math.floor(Date.now() / 1000);
  const head = encode({ alg: 'ES256', kid: secrets.keyId, typ: 'JWT', ...request.header });
  const body = encode({
    iss: issuer,
    sub: request.userId,
    aud: 'authenticated',
    exp: now + (request.expiresInS ?? accessTokenSeconds),
    iat: now,
    email: request.email,
    phone: '',
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: {},
    role: 'authenticated',
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: now }],
    session_id: randomUUID(),
    is_anonymous: false,
    ...request.claims,
  });
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
    key: secrets.signingKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${head}.${body}.${signature.toString('base64url')}`;
}

/** The user of an access token that this issuer signed and that has not expired, else null. */
export function verifyAccessToken(secrets: SupabaseSecrets, token: string): string | null {
  const [head = '', body = '', signature = ''] = token.split('.');
  if (decode(head)?.['alg'] !== 'ES256') return null;
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key: secrets.verificationKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  const claims = isSigned ? decode(body) : null;
  if (claims === null || typeof claims['sub'] !== 'string') return null;
  return Number(claims['exp']) > Date.now() / 1000 ? claims['sub'] : null;
}

/** Signs the permission to read one object until a time. */
export function signUrlToken(secrets: SupabaseSecrets, permission: { url: string; exp: number }): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(permission)}`;
  return `${text}.${createHmac('sha256', secrets.urlKey).update(text).digest('base64url')}`;
}

/** The object that a url's token permits to read now, else null. */
export function verifyUrlToken(secrets: SupabaseSecrets, token: string): string | null {
  const [head = '', body = '', signature = ''] = token.split('.');
  const expected = createHmac('sha256', secrets.urlKey).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const permission = decode(body);
  if (permission === null || typeof permission['url'] !== 'string') return null;
  return Number(permission['exp']) > Date.now() / 1000 ? permission['url'] : null;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
