import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Actor,
  createThread,
  type Database,
  listThreads,
  readThread,
  startRun,
  updateThread,
} from '../src/index.ts';
import { answer, createChatter } from './chat.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterAll(async () => database.drop());

/** Titles of what a search finds, all pages of it. */
async function found(
  search: string,
  options: { archived?: boolean; limit?: number } = {},
): Promise<string[]> {
  const titles: string[] = [];
  let before: string | undefined;
  do {
    const page = await listThreads(sql, actor, { limit: 50, ...options, search, before });
    titles.push(...page.threads.map(({ title }) => title ?? ''));
    before = page.nextBefore ?? undefined;
  } while (before !== undefined);
  return titles;
}

it('finds threads by title and by what was said in them, without regard to case', async () => {
  actor = await newActor(sql);
  await createThread(sql, actor, { title: 'Über 100%_sure' });
  const asked = await createThread(sql, actor, { title: 'asked' });
  await newRun(sql, actor, {
    threadId: asked.id,
    message: { parts: [{ type: 'text', text: 'Where do the SWALLOWS go?' }] },
  });
  const answered = await createThread(sql, actor, { title: 'answered' });
  await answer(sql, await newRun(sql, actor, { threadId: answered.id }), 'To the south, say swallows.');
  expect(await found('swallows')).toEqual(['answered', 'asked']);
  expect(await found('über')).toEqual(['Über 100%_sure']);
  expect(await found('100%_SURE')).toEqual(['Über 100%_sure']);
  for (const nothing of ['%', '_', '\\']) {
    expect(await found(nothing), nothing).toEqual(nothing === '\\' ? [] : ['Über 100%_sure']);
  }
  expect(await found('step-start')).toEqual([]);
});

it('finds nothing in messages that were superseded, and nothing of other accounts', async () => {
  const stranger = await newActor(sql);
  await newRun(sql, stranger, { message: { parts: [{ type: 'text', text: 'heron' }] } });
  actor = await newActor(sql);
  const { say } = createChatter(sql, actor);
  await say('birds', 'first', 'A heron?');
  await say('birds', 'first', 'A stork?');
  expect(await found('heron')).toEqual([]);
  expect(await found('stork')).toEqual(['']);
});

it('leaves archived threads out unless they are asked for, and pages through either', async () => {
  actor = await newActor(sql);
  for (let index = 0; index < 7; index += 1) {
    const { id } = await createThread(sql, actor, { title: `t${index}` });
    if (index % 2 === 1) await updateThread(sql, actor, id, { archived: true });
  }
  expect(await found('t', { limit: 2 })).toEqual(['t6', 't4', 't2', 't0']);
  expect(await found('t', { limit: 2, archived: true })).toEqual(['t5', 't3', 't1']);
  const first = await listThreads(sql, actor, { limit: 3 });
  const rest = await listThreads(sql, actor, { limit: 3, before: first.nextBefore ?? '' });
  expect([first.threads, rest.threads].map((page) => page.map(({ title }) => title))).toEqual([
    ['t6', 't4', 't2'],
    ['t0'],
  ]);
  expect(rest.nextBefore).toBeNull();
});

it('looks at 200 threads a call: a page may be empty, and its cursor goes on', async () => {
  actor = await newActor(sql);
  await createThread(sql, actor, { title: 'needle' });
  await sql`
    insert into threads (id, account_id, project_id, title)
      select gen_random_uuid(), ${actor.accountId}, (select id from projects where account_id = ${actor.accountId}), 'hay'
      from generate_series(1, 450)`;
  const first = await listThreads(sql, actor, { limit: 50, search: 'needle' });
  expect(first.threads).toEqual([]);
  expect(first.nextBefore).not.toBeNull();
  expect(await found('needle')).toEqual(['needle']);
  expect(await found('hay', { limit: 200 })).toHaveLength(450);
});

it('changes what is named and nothing else', async () => {
  actor = await newActor(sql);
  const { id } = await createThread(sql, actor, { externalId: 'mine', title: 'old', metadata: { a: 1 } });
  expect(await updateThread(sql, actor, 'mine', {})).toMatchObject({
    title: 'old',
    archived: false,
    metadata: { a: 1 },
  });
  expect(await updateThread(sql, actor, id, { title: 'new', metadata: { b: [2] } })).toMatchObject({
    title: 'new',
    metadata: { b: [2] },
  });
  expect(await updateThread(sql, actor, id, { title: null, archived: true })).toMatchObject({
    title: null,
    archived: true,
    metadata: { b: [2] },
  });
  // A busy thread may be put away; it says that it is busy all the same.
  const { run } = await startRun(sql, actor, {
    requestHash: 'h',
    model: 'm',
    limits: {},
    threadId: id,
    message: { parts: [{ type: 'text', text: 'Go on.' }] },
  });
  expect(await readThread(sql, actor, id)).toMatchObject({
    archived: true,
    activeRun: { id: run.id, status: 'queued' },
  });
});
