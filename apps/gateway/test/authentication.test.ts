import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSupabase } from '@switchyard/stand-ins';
import { createApiKey, resolveUser } from '@switchyard/store';
import type { UserId } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

const sharedSecret = 'a-shared-secret-of-an-old-project-0123456789';
let stack: Stack;
/** The same people on a gateway that also takes HS256. */
let old: Stack;
beforeAll(async () => {
  [stack, old] = await Promise.all([startStack(), startStack({ SUPABASE_JWT_SECRET: sharedSecret })]);
});
afterAll(async () => {
  await Promise.all([stack.stop(), old.stop()]);
});

async function me(authorization: string | null, on = stack): Promise<Response> {
  return await fetch(`${on.url}/v1/me`, { headers: authorization === null ? {} : { authorization } });
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const person = () => ({ userId: randomUUID(), email: 'somebody@example.com' });
function claimsOf(on: Stack, over: object = {}): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: `${on.supabase.url}/auth/v1`,
    sub: randomUUID(),
    aud: 'authenticated',
    role: 'authenticated',
    exp: now + 600,
    iat: now,
    ...over,
  };
}
function signHs256(claims: object, secret: string | Buffer, header: object = {}): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
function signEs256(claims: object, header: object): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = `${encode({ alg: 'ES256', typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
async function keysOf(on: Stack): Promise<{ kid: string; x: string; y: string }[]> {
  const response = await fetch(`${on.supabase.url}/auth/v1/.well-known/jwks.json`);
  return ((await response.json()) as { keys: { kid: string; x: string; y: string }[] }).keys;
}

describe('an access token', () => {
  test('of the issuer names its person, and the same account every time', async () => {
    const { userId, token } = stack.signIn();
    const first = (await (await me(`Bearer ${token}`)).json()) as { accountId: string };
    expect(first).toMatchObject({ userId, apiKeyId: null });
    const other = stack.supabase.issueToken({ userId, email: 'renamed@example.com' });
    expect(await (await me(`bearer ${other}`)).json()).toEqual(first);
  });

  test('makes one account however many first requests come at once', async () => {
    const { token } = stack.signIn();
    const answers = await Promise.all(Array.from({ length: 8 }, () => me(`Bearer ${token}`)));
    const accounts = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { accountId: string }).accountId),
    );
    expect(new Set(accounts).size).toBe(1);
  });

  test.each<[string, () => string | null | Promise<string | null>]>([
    ['none', () => null],
    ['nothing after Bearer', () => 'Bearer '],
    ['another scheme', () => `Basic ${Buffer.from('a:b').toString('base64')}`],
    ['no token at all', () => 'Bearer hello'],
    ['three dots of nothing', () => 'Bearer ..'],
    ['two tokens', () => `Bearer ${stack.signIn().token} ${stack.signIn().token}`],
    ['expired', () => `Bearer ${stack.supabase.issueToken({ ...person(), expiresInS: -60 })}`],
    [
      'not yet valid',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { nbf: Date.now() / 1000 + 600 } })}`,
    ],
    [
      'without an expiry',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { exp: undefined } })}`,
    ],
    [
      'of another issuer',
      () =>
        `Bearer ${stack.supabase.issueToken({ ...person(), claims: { iss: 'https://evil.example/auth/v1' } })}`,
    ],
    [
      'without an issuer',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { iss: undefined } })}`,
    ],
    [
      'for another audience',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { aud: 'anon' } })}`,
    ],
    [
      'without an audience',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { aud: undefined } })}`,
    ],
    [
      'without a person',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { sub: undefined } })}`,
    ],
    [
      'whose person is no id',
      () => `Bearer ${stack.supabase.issueToken({ ...person(), claims: { sub: "x' or true --" } })}`,
    ],
    [
      'whose claims were changed after signing',
      () => {
        const [head, , signature] = stack.signIn().token.split('.');
        return `Bearer ${head}.${encode(claimsOf(stack))}.${signature}`;
      },
    ],
    ['without a signature', () => `Bearer ${stack.signIn().token.split('.').slice(0, 2).join('.')}.`],
    ['with alg none', () => `Bearer ${encode({ alg: 'none', typ: 'JWT' })}.${encode(claimsOf(stack))}.`],
    [
      'with alg None and a signature',
      () => `Bearer ${encode({ alg: 'None' })}.${encode(claimsOf(stack))}.AAAA`,
    ],
    [
      'signed with a key of the forger',
      async () => `Bearer ${signEs256(claimsOf(stack), { kid: (await keysOf(stack))[0]?.kid })}`,
    ],
    [
      'that brings its own key',
      () => {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        return `Bearer ${signEs256(claimsOf(stack), { jwk: publicKey.export({ format: 'jwk' }) })}`;
      },
    ],
    [
      'that says where to find its key',
      () => `Bearer ${signEs256(claimsOf(stack), { jku: 'https://evil.example/keys', kid: 'x' })}`,
    ],
    ['signed by HS256 with nothing', () => `Bearer ${signHs256(claimsOf(stack), '')}`],
    [
      'signed by HS256 with the public key as the secret',
      async () => {
        const [key] = await keysOf(stack);
        const pem = createPublicKey({
          key: { kty: 'EC', crv: 'P-256', x: key!.x, y: key!.y },
          format: 'jwk',
        });
        return `Bearer ${signHs256(claimsOf(stack), pem.export({ type: 'spki', format: 'pem' }), { kid: key!.kid })}`;
      },
    ],
    ['signed by HS256 while no secret is set', () => `Bearer ${signHs256(claimsOf(stack), sharedSecret)}`],
    ['longer than any token', () => `Bearer ${'a'.repeat(15_000)}`],
  ])('that is %s is 401 and makes no account', async (_name, credential) => {
    const [before] = await stack.sql`select count(*) from accounts`;
    const response = await me(await credential());
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ code: 'unauthorized', status: 401 });
    expect(await stack.sql`select count(*) from accounts`).toEqual([before]);
  });

  test('of a foreign issuer with keys of its own is 401', async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-issuer-'));
    const foreign = await startSupabase({ dataDir });
    expect((await me(`Bearer ${foreign.issueToken(person())}`)).status).toBe(401);
    const posing = foreign.issueToken({ ...person(), claims: { iss: `${stack.supabase.url}/auth/v1` } });
    expect((await me(`Bearer ${posing}`)).status).toBe(401);
    await foreign.stop();
    await rm(dataDir, { recursive: true });
  });

  test('stops at its expiry although it was remembered', async () => {
    const token = stack.supabase.issueToken({ ...person(), expiresInS: -3 });
    // Still inside of the tolerance for clocks, so it is taken, and remembered until it expires: that is already past.
    expect((await me(`Bearer ${token}`)).status).toBe(200);
    await expect.poll(async () => (await me(`Bearer ${token}`)).status, { timeout: 10_000 }).toBe(401);
  });

  test('is never taken from the url', async () => {
    const { token } = stack.signIn();
    for (const name of ['token', 'access_token', 'apikey', 'ticket']) {
      expect((await fetch(`${stack.url}/v1/me?${name}=${token}`)).status).toBe(401);
    }
  });

  test('signed by HS256 is taken only where the shared secret is set, and only by that secret', async () => {
    expect((await me(`Bearer ${signHs256(claimsOf(old), sharedSecret)}`, old)).status).toBe(200);
    expect((await me(`Bearer ${signHs256(claimsOf(old), 'another-secret')}`, old)).status).toBe(401);
    expect((await me(`Bearer ${signHs256(claimsOf(old, { aud: 'x' }), sharedSecret)}`, old)).status).toBe(
      401,
    );
    const [key] = await keysOf(old);
    const claims = claimsOf(old);
    expect(
      (await me(`Bearer ${signHs256(claims, JSON.stringify(key), { kid: key!.kid })}`, old)).status,
    ).toBe(401);
    expect((await me(`Bearer ${old.signIn().token}`, old)).status).toBe(200);
  });
});

describe('an API key', () => {
  test('names its account; the key itself is nowhere in the database', async () => {
    const userId = randomUUID() as UserId;
    const actor = await resolveUser(stack.sql, { userId, email: null });
    const { id, key } = await createApiKey(stack.sql, actor, { name: 'test' });
    const answer = await (await me(`Bearer ${key}`)).json();
    expect(answer).toEqual({ accountId: actor.accountId, userId: null, apiKeyId: id });
    const [row] = await stack.sql`select k::text as text from api_keys k where id = ${id}`;
    expect(row?.['text']).not.toContain(key.slice(3));
  });

  test.each(['sy_', 'sy_unknown', `sy_${'0'.repeat(48)}`, "sy_' or 1=1"])(
    'that nobody has (%s) is 401',
    async (key) => {
      expect((await me(`Bearer ${key}`)).status).toBe(401);
    },
  );
});

test('only livez is open', async () => {
  expect(await (await fetch(`${stack.url}/livez`)).json()).toEqual({ status: 'ok' });
  for (const route of ['/v1/runs', '/v1/threads', '/v1/projects', '/v1/models', '/v1/me', '/v1/nothing']) {
    expect((await fetch(`${stack.url}${route}`)).status).toBe(401);
  }
  for (const route of ['/readyz', '/status', '/metrics']) {
    expect((await fetch(`${stack.url}${route}`)).status).toBe(404);
  }
  expect((await fetch(`${stack.adminUrl}/readyz`)).status).toBe(200);
});

test('an issuer that cannot be asked is 503 with Retry-After, not 401', async () => {
  const alone = await startStack();
  const { token } = alone.signIn();
  await alone.supabase.stop();
  const response = await me(`Bearer ${token}`, alone);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await response.json()).toMatchObject({ code: 'unavailable' });
  await alone.stop();
});
