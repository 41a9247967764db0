import { randomUUID } from 'node:crypto';
import type { UserId } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  answerApprovals,
  claimRun,
  correctRun,
  createApiKey,
  createFile,
  createProject,
  createStreamTicket,
  createThread,
  type Database,
  deleteProject,
  deleteThread,
  findTroubledRuns,
  finishRun,
  isCancelRequested,
  loadRun,
  wakeRun,
  readFile,
  readFollowedRuns,
  readMessages,
  readProject,
  readRun,
  readThread,
  reclaimRun,
  releaseRun,
  requestCancel,
  resolveApiKey,
  RunLostError,
  setToolState,
  stopThread,
  storeParts,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { calledShell, newActor, newClaimedRun, newRun, stepStart, textPart, usageOf } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let owner: Actor;
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
  owner = await newActor(sql);
});
afterAll(async () => database.drop());

async function member(): Promise<Actor> {
  const userId = randomUUID() as UserId;
  await sql`insert into account_members (account_id, user_id, role) values (${owner.accountId}, ${userId}, 'member')`;
  return { accountId: owner.accountId, userId, apiKeyId: null };
}

async function key(): Promise<Actor> {
  const actor = await resolveApiKey(sql, (await createApiKey(sql, owner, { name: 'k' })).key);
  if (!actor) throw new Error('the key is not known');
  return actor;
}

/** Rows that belong to a thread. */
async function rowsOf(threadId: string, runId: string): Promise<unknown> {
  const [row] = await sql`
    select (select count(*)::integer from threads where id = ${threadId}) threads,
      (select count(*)::integer from messages where thread_id = ${threadId}) messages,
      (select count(*)::integer from parts p where not exists (select from messages m where m.id = p.message_id)) parts,
      (select count(*)::integer from runs where thread_id = ${threadId}) runs,
      (select count(*)::integer from stream_tickets where run_id = ${runId}) tickets`;
  return row;
}
const noRows = { threads: 0, messages: 0, parts: 0, runs: 0, tickets: 0 };

describe('who may delete', () => {
  it('a thread: who made it, and an owner; others may not, though they may write', async () => {
    const [one, another, byKey, anotherKey] = [await member(), await member(), await key(), await key()];
    const threadOf = async (actor: Actor) => (await createThread(sql, actor, {})).id;
    for (const other of [another, byKey]) {
      await expect(deleteThread(sql, other, await threadOf(one))).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    await expect(deleteThread(sql, one, await threadOf(byKey))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(deleteThread(sql, byKey, await threadOf(owner))).rejects.toMatchObject({
      code: 'forbidden',
    });
    for (const [maker, remover] of [
      [one, one],
      [one, owner],
      [byKey, owner],
      [byKey, byKey],
      // Keys are the account's, and no person: one replaces another.
      [byKey, anotherKey],
    ] as const) {
      const id = await threadOf(maker);
      await deleteThread(sql, remover, id);
      await expect(readThread(sql, owner, id)).rejects.toMatchObject({ code: 'not_found' });
      await expect(deleteThread(sql, remover, id)).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('a project: who made it and all that is in it, and an owner', async () => {
    const [one, another] = [await member(), await member()];
    const { id } = await createProject(sql, one, { name: 'p' });
    const theirs = await createThread(sql, another, { projectId: id });
    for (const actor of [one, another, await key()]) {
      await expect(deleteProject(sql, actor, id)).rejects.toMatchObject({ code: 'forbidden' });
    }
    await deleteThread(sql, another, theirs.id);
    await createThread(sql, one, { projectId: id });
    await deleteProject(sql, one, id);
    await expect(readProject(sql, owner, id)).rejects.toMatchObject({ code: 'not_found' });
    const second = await createProject(sql, one, { name: 'p' });
    await createThread(sql, another, { projectId: second.id });
    await deleteProject(sql, owner, second.id);
  });

  it('a refusal changes nothing', async () => {
    const { run } = await newRun(sql, owner);
    for (const [actor, code] of [
      [await newActor(sql), 'not_found'],
      [await member(), 'forbidden'],
    ] as const) {
      await expect(deleteThread(sql, actor, run.threadId)).rejects.toMatchObject({ code });
      await expect(deleteProject(sql, actor, run.projectId)).rejects.toMatchObject({ code });
    }
    expect(await readRun(sql, owner, run.id)).toEqual(run);
  });
});

describe('a deleted thread', () => {
  it('leaves no row but what was used, and says so in the audit', async () => {
    const { run, runId, epoch } = await newClaimedRun(sql, owner);
    await createStreamTicket(sql, owner, runId);
    await storeParts(sql, {
      runId,
      epoch,
      step: 1,
      parts: [{ part: stepStart }, { part: textPart('secret') }],
      usage: usageOf(10, 5),
      costUsd: 0.5,
      lastOrdinal: 4,
      isFinal: false,
    });
    expect(await deleteThread(sql, owner, run.threadId)).toEqual({
      runs: [{ runId, wasOpen: true }],
      promoted: [],
    });
    expect(await rowsOf(run.threadId, runId)).toEqual(noRows);
    // The call that was under way is settled by estimate.
    expect(
      await sql`select step, total_tokens::integer, is_estimated from usage where run_id = ${runId} order by step`,
    ).toEqual([
      { step: 1, total_tokens: 15, is_estimated: false },
      { step: 2, total_tokens: 15, is_estimated: true },
    ]);
    expect(await sql`select action, user_id from audit where target_id = ${run.threadId}`).toEqual([
      { action: 'thread.delete', user_id: owner.userId },
    ]);
    // The workspace is the project's.
    expect((await readProject(sql, owner, run.projectId)).id).toBe(run.projectId);
  });

  it('is lost to the worker that runs it, whatever it does next', async () => {
    const { run, runId, epoch, wakeup } = await newClaimedRun(sql, owner);

    await storeParts(sql, {
      runId,
      epoch,
      step: 1,
      parts: [{ part: stepStart }, { part: calledShell('call'), effect: 'once' }],
      usage: usageOf(1, 1),
      costUsd: 0,
      lastOrdinal: 4,
      isFinal: false,
    });
    await deleteThread(sql, owner, run.threadId);
    const held = { runId, epoch };
    const lost = [
      () => isCancelRequested(sql, held),
      () => loadRun(sql, held),
      () => reclaimRun(sql, held),
      () => releaseRun(sql, { ...held, lastOrdinal: 5 }),
      () => setToolState(sql, { ...held, callId: 'call', ledger: 'executing', lastOrdinal: 5 }),
      () =>
        storeParts(sql, {
          ...held,
          step: 2,
          parts: [{ part: stepStart }],
          usage: usageOf(1, 1),
          costUsd: 0,
          lastOrdinal: 6,
          isFinal: false,
        }),
      () => finishRun(sql, { ...held, reason: 'finished', lastOrdinal: 6 }),
    ];
    for (const attempt of lost) await expect(attempt()).rejects.toBeInstanceOf(RunLostError);
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toEqual({ outcome: 'stale' });
    expect(await wakeRun(sql, { runId, wakeup })).toBeNull();
    expect(await readFollowedRuns(sql, [runId])).toEqual([]);
    const unattended = await findTroubledRuns(sql, { untouchedMs: 0, cancellingMs: 60_000, limit: 1000 });
    expect(unattended.map((each) => each.runId)).not.toContain(runId);
    expect(await rowsOf(run.threadId, runId)).toEqual(noRows);
  });

  it('frees its externalId, and its waiting runs go with it', async () => {
    const { id } = await createThread(sql, owner, { externalId: 'again' });
    const first = await newRun(sql, owner, { threadId: id });
    const second = await newRun(sql, owner, { threadId: id, onBusy: 'queue' });
    expect(second.run.status).toBe('pending');
    const { runs, promoted } = await deleteThread(sql, owner, 'again');
    expect(runs.map(({ runId }) => runId).sort()).toEqual([first.run.id, second.run.id].sort());
    expect(promoted).toEqual([]);
    expect((await createThread(sql, owner, { externalId: 'again' })).id).not.toBe(id);
  });
});

describe('a deleted project', () => {
  it('goes with its threads and files, and names what lies elsewhere', async () => {
    const { run } = await newRun(sql, owner);
    const another = await createThread(sql, owner, { projectId: run.projectId });
    await createThread(sql, owner, {});
    const objectKey = randomUUID();
    const file = await createFile(sql, owner, {
      projectId: run.projectId,
      name: 'a',
      mediaType: 'text/plain',
      size: 1,
      objectKey,
    });
    expect(await deleteProject(sql, owner, run.projectId)).toEqual({
      runs: [{ runId: run.id, wasOpen: true }],
      promoted: [],
      objectKeys: [objectKey],
    });
    for (const read of [
      () => readProject(sql, owner, run.projectId),
      () => readThread(sql, owner, run.threadId),
      () => readThread(sql, owner, another.id),
      () => readFile(sql, owner, file.id),
      () => deleteProject(sql, owner, run.projectId),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});

it('keeps to all or nothing while deletions race with starts, claims, ends, stops and tickets', async () => {
  const outcomes = new Set<string>();
  for (let round = 0; round < 25; round += 1) {
    const { run, wakeup } = await newRun(sql, owner);
    const work = async () => {
      const claimed = await claimRun(sql, { runId: run.id, wakeup, workerId: 'w' });
      if (claimed.outcome === 'stale') return;
      const { epoch } = claimed;
      const step = { step: 1, parts: [{ part: stepStart }, { part: textPart('a') }], usage: usageOf(1, 1) };
      await finishRun(sql, { runId: run.id, epoch, reason: 'answered', lastStep: step, lastOrdinal: 5 });
    };
    const remove = () =>
      round % 2 === 0 ? deleteThread(sql, owner, run.threadId) : deleteProject(sql, owner, run.projectId);
    const attempts = [
      work,
      () => requestCancel(sql, owner, run.id),
      () => stopThread(sql, owner, run.threadId),
      () => newRun(sql, owner, { threadId: run.threadId, onBusy: 'queue' }),
      () => createStreamTicket(sql, owner, run.id),
      () => correctRun(sql, owner, { runId: run.id, text: 'Left.' }),
      () => answerApprovals(sql, owner, { runId: run.id, answers: [{ approvalId: run.id, approved: true }] }),
      () => createThread(sql, owner, { projectId: run.projectId }),
      () => readMessages(sql, owner, run.threadId, { limit: 10 }),
      remove,
      remove,
    ];
    // Each round begins elsewhere, so that everybody is first at times.
    const order = [...attempts.slice(round % attempts.length), ...attempts.slice(0, round % attempts.length)];
    for (const settled of await Promise.allSettled(order.map((attempt) => attempt()))) {
      if (settled.status === 'fulfilled') continue;
      const { reason } = settled;
      const isLost = reason instanceof RunLostError;
      outcomes.add(isLost ? 'lost' : String(reason.code));
      expect(isLost || reason.code === 'not_found', String(reason.stack)).toBe(true);
    }
    expect(await rowsOf(run.threadId, run.id)).toEqual(noRows);
  }
  expect(outcomes).toContain('not_found');
  const [open] = await sql<{ count: number }[]>`
    select count(*)::integer as count from usage u
    where u.settled_at is null and not exists (select from runs r where r.id = u.run_id)`;
  expect(open?.count).toBe(0);
});
