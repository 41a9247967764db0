import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  createThread,
  type Database,
  finishRun,
  nameThread,
  readRun,
  readThread,
  RunLostError,
  updateThread,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun, newRun, usageOf } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

type Named = Parameters<typeof nameThread>[1];
const titled = (runId: string, more: Partial<Named> = {}): Named => ({
  runId,
  epoch: 1,
  title: 'Sales by region',
  usage: usageOf(100, 5),
  costUsd: 0.01,
  ...more,
});
const titleOf = async (threadId: string) => (await readThread(sql, actor, threadId)).title;
const rowsOf = async (runId: string) =>
  await sql<{ step: number; totalTokens: string; isOpen: boolean }[]>`
    select step, total_tokens as "totalTokens", settled_at is null as "isOpen" from usage
    where run_id = ${runId} order by step`;

describe('nameThread', () => {
  it('gives a thread its title and charges the run for it, once', async () => {
    const { run } = await newClaimedRun(sql, actor);
    expect(await nameThread(sql, titled(run.id))).toBe(true);
    expect(await nameThread(sql, titled(run.id, { title: 'Another' }))).toBe(false);
    expect(await titleOf(run.threadId)).toBe('Sales by region');
    const charged = await readRun(sql, actor, run.id);
    expect(charged).toMatchObject({ usage: { totalTokens: 105, estimated: false }, costUsd: 0.01 });
    expect(await rowsOf(run.id)).toMatchObject([
      { step: 0, totalTokens: '105', isOpen: false },
      { step: 1, isOpen: true },
    ]);
  });

  it('leaves a title that a person gave, before or meanwhile, and charges what was asked for', async () => {
    const thread = await createThread(sql, actor, { title: 'Mine' });
    const before = await newClaimedRun(sql, actor, { threadId: thread.id });
    expect(await nameThread(sql, titled(before.run.id))).toBe(false);
    const meanwhile = await newClaimedRun(sql, actor);
    await updateThread(sql, actor, meanwhile.run.threadId, { title: 'Mine, too' });
    expect(await nameThread(sql, titled(meanwhile.run.id))).toBe(false);
    expect(await titleOf(thread.id)).toBe('Mine');
    expect(await titleOf(meanwhile.run.threadId)).toBe('Mine, too');
    expect(await readRun(sql, actor, meanwhile.run.id)).toMatchObject({ usage: { totalTokens: 105 } });
  });

  it('takes one of two titles that come at the same time', async () => {
    const { run } = await newClaimedRun(sql, actor);
    const titles = ['One', 'Other'];
    const taken = await Promise.all(titles.map((title) => nameThread(sql, titled(run.id, { title }))));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await titleOf(run.threadId)).toBe(titles[taken.indexOf(true)]);
    expect(await readRun(sql, actor, run.id)).toMatchObject({ usage: { totalTokens: 105 } });
  });

  it.each([
    ['another epoch', async () => ({ epoch: 2 })],
    [
      'a run that has ended',
      async (runId: string) => {
        await finishRun(sql, { runId, epoch: 1, reason: 'answered', lastOrdinal: 1 });
        return {};
      },
    ],
  ])('is refused for %s, and changes nothing', async (_what, prepare) => {
    const { run } = await newClaimedRun(sql, actor);
    const change = await prepare(run.id);
    await expect(nameThread(sql, titled(run.id, change))).rejects.toThrow(RunLostError);
    expect(await titleOf(run.threadId)).toBeNull();
    expect((await rowsOf(run.id)).filter(({ step }) => step === 0)).toEqual([]);
  });

  it('is refused for a run that nobody has claimed', async () => {
    const { run } = await newRun(sql, actor);
    await expect(nameThread(sql, titled(run.id, { epoch: 0 }))).rejects.toThrow(RunLostError);
    expect(await claimRun(sql, { runId: run.id, wakeup: 1, workerId: 'w' })).toMatchObject({ epoch: 1 });
  });
});
