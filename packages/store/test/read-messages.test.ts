import { metadataOfRun } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  createProject,
  createThread,
  type Database,
  finishRun,
  listProjects,
  listThreads,
  loadRun,
  readMessages,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun, newRun, stepStart, textPart, usageOf } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

describe('readMessages', () => {
  it('pages through more than a thousand messages, each once, oldest first in a page', async () => {
    const { run, thread } = await newRun(sql, actor);
    await sql`
      insert into messages (id, thread_id, position, role, public_id)
      select gen_random_uuid(), ${thread.id}, n, 'user', 'm' || n from generate_series(3, 1203) n`;
    await sql`
      insert into parts (message_id, step, position, part)
      select id, 0, 1, json_build_object('type', 'text', 'text', public_id) from messages
      where thread_id = ${thread.id} and position > 2`;
    const seen: string[] = [];
    let before: string | undefined;
    let pages = 0;
    do {
      const page = await readMessages(sql, actor, thread.id, { limit: 100, before });
      seen.unshift(...page.messages.map(({ id }) => id));
      before = page.nextBefore ?? undefined;
      pages += 1;
    } while (before !== undefined && pages < 100);
    expect(pages).toBe(13);
    expect(seen).toHaveLength(1203);
    expect(new Set(seen).size).toBe(1203);
    expect(seen.slice(1)).toEqual([
      run.messageId,
      ...Array.from({ length: 1201 }, (_value, index) => `m${index + 3}`),
    ]);
    const whole = await readMessages(sql, actor, thread.id, { limit: 2000 });
    expect(whole.messages.map(({ id }) => id)).toEqual(seen);
    expect(whole.nextBefore).toBeNull();
  });

  it('hides superseded messages here and from the next run', async () => {
    const { run, thread, runId, epoch } = await newClaimedRun(sql, actor);
    await finishRun(sql, { runId, epoch, reason: 'finished', lastOrdinal: 2 });
    await sql`update messages set superseded_at = now() where id = ${run.messageId}`;
    const next = await newClaimedRun(sql, actor, { threadId: thread.id });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
    expect(messages.map(({ role }) => role)).toEqual(['user', 'user', 'assistant']);
    const { history } = await loadRun(sql, next);
    expect(history.map(({ role }) => role)).toEqual(['user', 'user']);
  });

  it('answers for an assistant’s message what the stream ended with', async () => {
    const { runId, epoch, thread } = await newClaimedRun(sql, actor);
    const { run } = await finishRun(sql, {
      runId,
      epoch,
      reason: 'model-error',
      error: { code: 'model_failed', detail: 'The model did not answer.' },
      lastStep: {
        step: 1,
        parts: [{ part: stepStart }, { part: textPart('half') }],
        usage: usageOf(3, 1),
        costUsd: null,
      },
      lastOrdinal: 5,
    });
    const { messages, activeRun } = await readMessages(sql, actor, thread.id, { limit: 10 });
    expect(messages[1]).toEqual({
      id: run.messageId,
      role: 'assistant',
      parts: [stepStart, textPart('half')],
      metadata: metadataOfRun(run),
    });
    expect(messages[0]).not.toHaveProperty('metadata');
    expect(activeRun).toBeNull();
  });

  it.each(['', 'abc', '-1', '1e3', '99999999999'])('refuses the cursor %j', async (before) => {
    const { thread } = await newRun(sql, actor);
    await expect(readMessages(sql, actor, thread.id, { before, limit: 10 })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('listThreads', () => {
  it('pages through all threads, the last active first, though many are of one moment', async () => {
    const lister = await newActor(sql);
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) ids.push((await createThread(sql, lister, {})).id);
    await sql`update threads set active_at = date_trunc('second', now()) where account_id = ${lister.accountId}`;
    await newRun(sql, lister, { threadId: ids[3] });
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await listThreads(sql, lister, { limit: 3, before });
      expect(page.threads.length).toBeGreaterThan(0);
      seen.push(...page.threads.map(({ id }) => id));
      before = page.nextBefore ?? undefined;
    } while (before !== undefined);
    expect(seen[0]).toBe(ids[3]);
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  it('tells threads of one millisecond apart by their microseconds', async () => {
    const lister = await newActor(sql);
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      const { id } = await createThread(sql, lister, {});
      await sql`
        update threads set active_at = '2026-01-01 00:00:00.123000+00'::timestamptz + ${index} * interval '1 microsecond'
        where id = ${id}`;
      ids.unshift(id);
    }
    const first = await listThreads(sql, lister, { limit: 2 });
    const second = await listThreads(sql, lister, { limit: 2, before: first.nextBefore ?? '' });
    expect([...first.threads, ...second.threads].map(({ id }) => id)).toEqual(ids);
  });

  it.each(['x', '', Buffer.from('now oops').toString('base64url')])(
    'refuses the cursor %j',
    async (before) => {
      await expect(listThreads(sql, actor, { before, limit: 3 })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    },
  );
});

it('lists projects newest first, page by page', async () => {
  const lister = await newActor(sql);
  for (const name of ['a', 'b', 'c']) await createProject(sql, lister, { name });
  const first = await listProjects(sql, lister, { limit: 2 });
  expect(first.projects.map(({ name }) => name)).toEqual(['c', 'b']);
  const second = await listProjects(sql, lister, { limit: 2, before: first.nextBefore ?? '' });
  expect(second.projects.map(({ name }) => name)).toEqual(['a']);
  expect(second.nextBefore).toBeNull();
  await expect(listProjects(sql, lister, { limit: 2, before: 'x' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
});
