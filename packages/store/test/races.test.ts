import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  claimRun,
  createFile,
  type Database,
  findTroubledRuns,
  finishRun,
  inTransaction,
  wakeRun,
  readRun,
  requestCancel,
  RunLostError,
  storeParts,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { claim, newActor, newRun, stepStart, usageOf } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
// The sweep sees every account's runs: each test has a database of its own.
beforeEach(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
});
afterEach(async () => database.drop());

it('keeps to one claim and one end while claims, ends, cancels and starts race for the thread', async () => {
  const racer = await newActor(sql);
  for (let round = 0; round < 10; round += 1) {
    const started = await newRun(sql, racer);
    const { run, wakeup } = started;
    const work = async () => {
      const answer = await claimRun(sql, { runId: run.id, wakeup, workerId: 'w' });
      if (answer.outcome === 'stale') return 'stale';
      const ended = await finishRun(sql, {
        runId: run.id,
        epoch: answer.epoch,
        reason: 'finished',
        lastOrdinal: 2,
      });
      return ended.run.lastEventId;
    };
    const answers = await Promise.allSettled([
      work(),
      requestCancel(sql, racer, run.id),
      work(),
      newRun(sql, racer, { threadId: run.threadId }),
      requestCancel(sql, racer, run.id),
      newRun(sql, racer, { threadId: run.threadId }),
    ]);
    for (const answer of answers) {
      if (answer.status === 'fulfilled') continue;
      const { reason } = answer;
      expect(reason instanceof RunLostError || reason.code === 'run_active', String(reason)).toBe(true);
    }
    const ended = await readRun(sql, racer, run.id);
    expect(['completed', 'cancelled', 'running']).toContain(ended.status);
    if (ended.status === 'running') await claim(sql, started);
    const [row] = await sql<{ active: number }[]>`
      select count(*)::integer as active from runs
      where thread_id = ${run.threadId} and status in ('queued', 'running', 'awaiting-approval')`;
    expect(row?.active).toBeLessThanOrEqual(1);
  }
});

it('never deadlocks while an account’s starts, uploads, steps, ends, cancels and the sweep cross each other', async () => {
  const actor = await newActor(sql);
  const unexpected: unknown[] = [];
  // What a verb may answer when others are faster.
  const isExpected = (error: unknown) =>
    error instanceof RunLostError ||
    (error instanceof Error && 'code' in error && ['run_active', 'conflict'].includes(String(error.code)));
  const attempt = async (action: () => Promise<unknown>) =>
    action().catch((error: unknown) => (isExpected(error) ? null : unexpected.push(error)));
  const threads = await Promise.all(
    Array.from({ length: 4 }, async () => (await newRun(sql, actor)).thread.id),
  );

  const work = async (threadId: string, round: number) => {
    const started = await inTransaction(sql, async (transaction) => {
      const file = { name: 'a.csv', mediaType: 'text/csv', size: 1, objectKey: crypto.randomUUID() };
      await createFile(transaction, actor, file);
      return newRun(transaction, actor, { threadId });
    }).catch(() => null);
    if (started === null) return;
    const { run, wakeup } = started;
    const answer = await claimRun(sql, { runId: run.id, wakeup, workerId: `w${round}` });
    if (answer.outcome === 'stale') return;
    const { epoch } = answer;
    await storeParts(sql, {
      runId: run.id,
      epoch,
      step: 1,
      parts: [{ part: stepStart }],
      usage: usageOf(1, 1),
      costUsd: 0,
      lastOrdinal: 3,
      isFinal: true,
    });
    await finishRun(sql, { runId: run.id, epoch, reason: 'finished', lastOrdinal: 4 });
  };
  const disturb = async () => {
    const found = await findTroubledRuns(sql, { untouchedMs: 0, cancellingMs: 60_000, limit: 10 });
    for (const [index, { runId, wakeup }] of found.entries()) {
      if (index % 2 === 0) await requestCancel(sql, actor, runId);
      else await wakeRun(sql, { runId, wakeup });
    }
  };
  await Promise.all(
    Array.from({ length: 6 }, async (_value, lane) => {
      for (let round = 0; round < 15; round += 1) {
        const threadId = threads[(lane + round) % threads.length] ?? '';
        await attempt(lane < 4 ? async () => work(threadId, round) : disturb);
      }
    }),
  );
  expect(unexpected).toEqual([]);
  const crowded = await sql`
    select thread_id from runs where status in ('queued', 'running', 'awaiting-approval')
    group by thread_id having count(*) > 1`;
  expect(crowded).toEqual([]);
});
