import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import type { UserId } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectDatabase, inTransaction, listProjects, readRun, resolveUser } from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => database.drop());

describe('a database that is down', () => {
  it('is answered with unavailable when nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    const port = typeof address === 'object' ? address?.port : 0;
    const sql = connectDatabase({ url: `postgres://nobody@127.0.0.1:${port}/none` });
    const user = { userId: randomUUID() as UserId, email: null };
    await expect(resolveUser(sql, user)).rejects.toMatchObject({ code: 'unavailable' });
    await sql.end({ timeout: 1 });
  });

  it('fails the verb under way with unavailable and serves the next one', async () => {
    const { sql, url } = database;
    const actor = await newActor(sql);
    const client = connectDatabase({ url, maxConnections: 1, applicationName: 'victim' });
    const { run } = await newRun(client, actor);
    // The account's lock is held by somebody else, so that the verb waits inside the server.
    const holder = await sql.reserve();
    await holder`begin`;
    await holder`select from accounts where id = ${actor.accountId} for update`;
    const waiting = newRun(client, actor).then(
      () => 'answered',
      (error: { code?: string }) => error.code,
    );
    await vi.waitFor(async () => {
      const [row] = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'victim' and wait_event_type = 'Lock'`;
      expect(row).toBeDefined();
    });
    expect(await waiting).toBe('unavailable');
    await holder`rollback`;
    holder.release();
    // A verb sent in the moment before the closed socket is seen fails likewise; then the pool connects anew.
    await vi.waitFor(async () => expect((await readRun(client, actor, run.id)).id).toBe(run.id));
    await client.end();
  });
});

it('gives up a verb that waits for 15 seconds, and the server gives it up too', async () => {
  const { sql, url } = database;
  const actor = await newActor(sql);
  const client = connectDatabase({ url, maxConnections: 1, applicationName: 'patient' });
  await listProjects(client, actor, { limit: 1 });
  const holder = await sql.reserve();
  await holder`begin`;
  await holder`select from accounts where id = ${actor.accountId} for update`;
  const waitersOf = async () =>
    sql`select from pg_stat_activity where application_name = 'patient' and wait_event_type = 'Lock'`;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const waiting = newRun(client, actor).then(
      () => 'answered',
      (error: { code?: string }) => error.code,
    );
    await vi.waitFor(async () => expect(await waitersOf()).toHaveLength(1));
    vi.advanceTimersByTime(15_000);
    expect(await waiting).toBe('unavailable');
  } finally {
    vi.useRealTimers();
  }
  await vi.waitFor(async () => expect(await waitersOf()).toHaveLength(0));
  await holder`rollback`;
  holder.release();
  expect((await listProjects(client, actor, { limit: 1 })).projects).toEqual([]);
  await client.end();
});

it('works behind a transaction pooler, without prepared statements', async () => {
  const url = new URL(database.url);
  url.searchParams.set('pgbouncer', 'true');
  const sql = connectDatabase({ url: url.href });
  const actor = await newActor(sql);
  await Promise.all(Array.from({ length: 5 }, () => newRun(sql, actor)));
  const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from pg_prepared_statements`;
  expect(row?.count).toBe(0);
  await sql.end();
});

it('keeps nothing of a transaction that throws or is not kept', async () => {
  const { sql } = database;
  const actor = await newActor(sql);
  await expect(
    inTransaction(sql, async (transaction) => {
      await newRun(transaction, actor);
      return newRun(transaction, actor, { threadId: 'unknown' });
    }),
  ).rejects.toMatchObject({ code: 'not_found' });
  const kept = await inTransaction(sql, async (transaction) => newRun(transaction, actor), {
    isKept: () => false,
  });
  expect(kept.run.status).toBe('queued');
  expect((await listProjects(sql, actor, { limit: 10 })).projects).toEqual([]);
});
