import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  createThread,
  type Database,
  finishRun,
  loadRun,
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
  isProvisional: false,
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

  it('replaces a provisional title by one that is not, and by nothing else', async () => {
    const { run } = await newClaimedRun(sql, actor);
    const provisional = (title: string) => nameThread(sql, titled(run.id, { title, isProvisional: true }));
    const isProvisional = async () => (await loadRun(sql, { runId: run.id, epoch: 1 })).isTitleProvisional;
    expect(await provisional('Count the')).toBe(true);
    expect(await isProvisional()).toBe(true);
    expect(await provisional('Thank you')).toBe(false);
    await updateThread(sql, actor, run.threadId, { archived: true });
    expect(await isProvisional()).toBe(true);
    expect(await nameThread(sql, titled(run.id))).toBe(true);
    expect(await isProvisional()).toBe(false);
    expect(await provisional('Late')).toBe(false);
    expect(await titleOf(run.threadId)).toBe('Sales by region');
  });

  it('leaves first words that a person has chosen', async () => {
    const { run } = await newClaimedRun(sql, actor);
    await nameThread(sql, titled(run.id, { title: 'Count the', isProvisional: true }));
    await updateThread(sql, actor, run.threadId, { title: 'Count the' });
    expect(await nameThread(sql, titled(run.id))).toBe(false);
    expect(await titleOf(run.threadId)).toBe('Count the');
  });

  it('is still answered to a worker of the release before, whose titles stay', async () => {
    const { run } = await newClaimedRun(sql, actor);
    const [row] = await sql<{ isTaken: boolean }[]>`
      select name_thread(${run.id}, 1, 'Count the', ${sql.json({ ...usageOf(0, 0) })}, 0) as "isTaken"`;
    expect(row).toEqual({ isTaken: true });
    expect(await nameThread(sql, titled(run.id))).toBe(false);
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
