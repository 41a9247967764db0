import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSupabase, type SupabaseStandIn } from '@switchyard/stand-ins';
import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// The local stand-in, seen through the client that front ends and this package use against the real service.
let dataDir: string;
let supabase: SupabaseStandIn;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'supabase '));
  supabase = await startSupabase({
    dataDir,
    users: [{ email: 'ada@example.com', password: 'correct horse' }],
  });
});

afterAll(async () => {
  await supabase.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const memoryless = { auth: { persistSession: false, autoRefreshToken: false } };
const asVisitor = () => createClient(supabase.url, supabase.publishableKey, memoryless);
const asServer = () => createClient(supabase.url, supabase.secretKey, memoryless);

describe('sign-in through supabase-js', () => {
  test('a new person gets a session, and the user that it belongs to', async () => {
    const client = asVisitor();
    const email = `${randomBytes(4).toString('hex')}@example.com`;
    const { data, error } = await client.auth.signUp({
      email,
      password: 'long enough',
      options: { data: { name: 'Grace' } },
    });
    expect(error).toBeNull();
    expect(data.user?.email).toBe(email);
    const { data: seen } = await client.auth.getUser();
    expect(seen.user?.id).toBe(data.user?.id);
    expect(seen.user?.user_metadata).toEqual({ name: 'Grace' });
  });

  test('getClaims verifies the token with the published key', async () => {
    const client = asVisitor();
    await client.auth.signInWithPassword({ email: 'ada@example.com', password: 'correct horse' });
    const { data, error } = await client.auth.getClaims();
    expect(error).toBeNull();
    expect(data?.header.alg).toBe('ES256');
    expect(data?.claims).toMatchObject({
      iss: `${supabase.url}/auth/v1`,
      aud: 'authenticated',
      role: 'authenticated',
      email: 'ada@example.com',
    });
  });

  test('a refresh token serves once, but for a client that lost the answer', async () => {
    const client = asVisitor();
    const { data } = await client.auth.signInWithPassword({
      email: 'ada@example.com',
      password: 'correct horse',
    });
    const refreshed = await client.auth.refreshSession({ refresh_token: data.session?.refresh_token ?? '' });
    expect(refreshed.error).toBeNull();
    expect(refreshed.data.session?.refresh_token).not.toBe(data.session?.refresh_token);
    const unknown = await asVisitor().auth.refreshSession({ refresh_token: 'never given' });
    expect(unknown.error?.code).toBe('refresh_token_not_found');
  });

  test('refusals carry the codes of the service', async () => {
    const client = asVisitor();
    const wrong = await client.auth.signInWithPassword({ email: 'ada@example.com', password: 'wrong' });
    expect(wrong.error?.code).toBe('invalid_credentials');
    const taken = await client.auth.signUp({ email: 'ADA@example.com', password: 'long enough' });
    expect(taken.error?.code).toBe('user_already_exists');
    const weak = await client.auth.signUp({ email: 'new@example.com', password: '123' });
    expect(weak.error?.code).toBe('weak_password');
    const forged = await client.auth.getUser(
      `${supabase.issueToken({ userId: 'x', email: 'x' }).slice(0, -4)}AAAA`,
    );
    expect(forged.error?.code).toBe('bad_jwt');
    const stranger = createClient(supabase.url, 'sb_publishable_wrong', memoryless);
    const refused = await stranger.auth.signInWithPassword({
      email: 'ada@example.com',
      password: 'correct horse',
    });
    expect(refused.error?.status).toBe(401);
  });

  test('people and tokens outlive a restart, and passwords are stored as hashes', async () => {
    const client = asVisitor();
    const { data } = await client.auth.signInWithPassword({
      email: 'ada@example.com',
      password: 'correct horse',
    });
    await supabase.stop();
    supabase = await startSupabase({ dataDir, port: supabase.port });
    const { data: seen, error } = await asVisitor().auth.getUser(data.session?.access_token);
    expect(error).toBeNull();
    expect(seen.user?.email).toBe('ada@example.com');
    const users = path.join(dataDir, 'users.json');
    expect(await readFile(users, 'utf8')).not.toContain('correct horse');
    for (const name of ['users.json', 'keys.json']) {
      expect((await stat(path.join(dataDir, name))).mode & 0o777).toBe(0o600);
    }
  });
});

describe('storage through supabase-js', () => {
  const bucket = 'uploads';
  beforeAll(async () => {
    const { error } = await asServer().storage.createBucket(bucket, { public: false });
    if (error) throw error;
  });

  test('bytes and streams come back as they were', async () => {
    const files = asServer().storage.from(bucket);
    const bytes = randomBytes(3_000_000);
    expect((await files.upload('a/bytes.bin', bytes, { contentType: 'image/png' })).error).toBeNull();
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536));
        controller.close();
      },
    });
    const { data, error } = await files.upload('a/stream.bin', stream, { contentType: 'text/csv' });
    expect(error).toBeNull();
    expect(data).toMatchObject({ path: 'a/stream.bin', fullPath: `${bucket}/a/stream.bin` });
    for (const [key, mediaType] of [
      ['a/bytes.bin', 'image/png'],
      ['a/stream.bin', 'text/csv'],
    ] as const) {
      const { data: blob } = await files.download(key);
      expect(blob?.type).toBe(mediaType);
      expect(bytes.equals(new Uint8Array(await blob!.arrayBuffer()))).toBe(true);
    }
    const { data: streamed } = await files.download('a/stream.bin').asStream();
    const pieces: Uint8Array[] = [];
    for await (const piece of streamed ?? []) pieces.push(piece as Uint8Array);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  test('an object is replaced only when that is asked for', async () => {
    const files = asServer().storage.from(bucket);
    await files.upload('note.txt', 'one');
    const second = await files.upload('note.txt', 'two');
    expect(second.error).toMatchObject({ statusCode: '409' });
    expect((await files.upload('note.txt', 'three', { upsert: true })).error).toBeNull();
    expect(await (await files.download('note.txt')).data?.text()).toBe('three');
  });

  test('one of many that put the same new key at once wins', async () => {
    const files = asServer().storage.from(bucket);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => files.upload('race.txt', `writer ${index}`)),
    );
    expect(outcomes.filter((outcome) => outcome.error === null)).toHaveLength(1);
  });

  test('a signed url reads one object without a key, until it expires', async () => {
    const files = asServer().storage.from(bucket);
    await files.upload('dir/with space.txt', 'hello', { contentType: 'text/plain' });
    const { data } = await files.createSignedUrl('dir/with space.txt', 60, { download: 'other name.txt' });
    const answer = await fetch(data?.signedUrl ?? '');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toContain("filename*=UTF-8''other");
    expect(await answer.text()).toBe('hello');
    const other = new URL(data?.signedUrl ?? '');
    other.pathname = other.pathname.replace('with%20space.txt', 'other.txt');
    expect((await fetch(other)).status).toBe(400);
    const { data: short } = await files.createSignedUrl('dir/with space.txt', 1);
    await expect.poll(async () => (await fetch(short?.signedUrl ?? '')).status, { timeout: 5000 }).toBe(400);
  });

  test('what is missing is said as the service says it', async () => {
    const storage = asServer().storage;
    expect((await storage.from(bucket).download('nothing')).error).toMatchObject({ statusCode: '404' });
    expect((await storage.from(bucket).createSignedUrl('nothing', 60)).error).toMatchObject({
      statusCode: '404',
    });
    expect((await storage.from('no-bucket').upload('a', 'b')).error).toMatchObject({ statusCode: '404' });
    expect((await storage.getBucket('no-bucket')).error).toMatchObject({ statusCode: '404' });
    expect((await storage.createBucket(bucket)).error).toMatchObject({ statusCode: '409' });
    expect((await storage.getBucket(bucket)).data).toMatchObject({ id: bucket, public: false });
  });

  test('a key that leaves the bucket or that the service refuses is refused, and no file is named by it', async () => {
    const files = asServer().storage.from(bucket);
    for (const key of ['../escape', 'a/../../escape', 'ünïcode.txt', '%2e%2e/escape']) {
      const { error } = await files.upload(key, 'x');
      expect(error, key).not.toBeNull();
    }
    const names = await readdir(dataDir, { recursive: true });
    expect(names.filter((name) => name.includes('escape'))).toEqual([]);
  });

  test('only the secret key opens it', async () => {
    const { error } = await asVisitor().storage.from(bucket).upload('mine.txt', 'x');
    expect(error).toMatchObject({ statusCode: '403' });
    expect((await asVisitor().storage.from(bucket).download('note.txt')).error).toMatchObject({
      statusCode: '403',
    });
  });

  test('an upload that is cut leaves nothing behind', async () => {
    const files = asServer().storage.from(bucket);
    const cutter = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(randomBytes(100_000));
        if (Math.random() < 0.3) controller.error(new Error('cut'));
      },
    });
    await files.upload('cut.bin', cutter).catch(() => undefined);
    expect((await files.download('cut.bin')).error).toMatchObject({ statusCode: '404' });
    const known = (await readdir(dataDir, { recursive: true })).filter((name) => name.includes('unfinished'));
    expect(known).toEqual([]);
  });
});

test('every other route is 404', async () => {
  for (const route of ['/', '/rest/v1/runs', '/auth/v1/admin/users', '/storage/v1/s3/uploads']) {
    const answer = await fetch(`${supabase.url}${route}`, {
      headers: { apikey: supabase.secretKey, authorization: `Bearer ${supabase.secretKey}` },
    });
    expect(answer.status, route).toBe(404);
  }
});
