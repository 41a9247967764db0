import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Actor,
  answerApprovals,
  createFile,
  type Database,
  deleteProject,
  findLooseObjects,
  findTroubledRuns,
  finishRun,
  forgetObjects,
  loadRun,
  readFile,
  readFollowedRuns,
  requestCancel,
  reserveObjects,
  snapshot,
  wakeRun,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { claim, newActor, newClaimedRun, newRun, newWaitingRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

const age = async (...runIds: string[]) =>
  sql`update runs set touched_at = now() - interval '1 minute' where id in ${sql(runIds)}`;

it('finds queued and running runs that nobody touched, page by page, and no other', async () => {
  const queued = await newRun(sql, actor);
  const running = await newClaimedRun(sql, actor);
  const fresh = await newRun(sql, actor);
  const ended = await newClaimedRun(sql, actor);
  await age(queued.run.id, running.runId);
  await finishRun(sql, { ...ended, reason: 'finished', lastOrdinal: 2 });
  const found = await findTroubledRuns(sql, { untouchedMs: 15_000, cancellingMs: 60_000, limit: 100 });
  expect(found).toEqual([
    { runId: queued.run.id, wakeup: 1, status: 'queued', priority: queued.priority, trouble: 'unattended' },
    { runId: running.runId, wakeup: 1, status: 'running', priority: running.priority, trouble: 'unattended' },
  ]);
  const first = await findTroubledRuns(sql, { untouchedMs: 15_000, cancellingMs: 60_000, limit: 1 });
  const second = await findTroubledRuns(sql, {
    untouchedMs: 15_000,
    cancellingMs: 60_000,
    limit: 1,
    after: first[0]?.runId,
  });
  expect([...first, ...second]).toEqual(found);
  expect(found.map(({ runId }) => runId)).not.toContain(fresh.run.id);
});

it('raises a wakeup once, however many sweepers try, and leaves an ended run alone', async () => {
  const { run, wakeup } = await newRun(sql, actor);
  await age(run.id);
  const answers = await Promise.all(Array.from({ length: 5 }, () => wakeRun(sql, { runId: run.id, wakeup })));
  expect(answers.filter((answer) => answer !== null)).toEqual([{ wakeup: 2 }]);
  const found = await findTroubledRuns(sql, { untouchedMs: 15_000, cancellingMs: 60_000, limit: 100 });
  expect(found.map(({ runId }) => runId)).not.toContain(run.id);
  const ended = await newClaimedRun(sql, actor);
  await finishRun(sql, { ...ended, reason: 'finished', lastOrdinal: 2 });
  expect(await wakeRun(sql, { runId: ended.runId, wakeup: ended.wakeup })).toBeNull();
});

const troubleOf = async (runId: string) => {
  const found = await findTroubledRuns(sql, { untouchedMs: 15_000, cancellingMs: 60_000, limit: 1000 });
  return found.filter((run) => run.runId === runId).map(({ trouble }) => trouble);
};

it('tells a run that does not stop from one that was asked to a moment ago', async () => {
  const run = await newClaimedRun(sql, actor);
  await requestCancel(sql, actor, run.runId);
  await sql`update runs set touched_at = now() - interval '2 minutes' where id = ${run.runId}`;
  expect(await troubleOf(run.runId)).toEqual(['unattended']);
  await sql`update runs set cancel_requested_at = now() - interval '2 minutes' where id = ${run.runId}`;
  expect(await troubleOf(run.runId)).toEqual(['uncancelled']);
  expect(await wakeRun(sql, run)).toEqual({ wakeup: 2 });
});

it('finds a waiting run once nobody has answered in time, and lets no answer through then', async () => {
  const run = await newWaitingRun(sql, actor, 'a');
  await run.park();
  expect(await troubleOf(run.runId)).toEqual([]);
  expect(await wakeRun(sql, run)).toBeNull();
  await sql`update approvals set expires_at = now() - interval '1 second' where run_id = ${run.runId}`;
  expect(await troubleOf(run.runId)).toEqual(['expired']);
  expect(await wakeRun(sql, run)).toEqual({ wakeup: run.wakeup + 1 });
  await expect(
    answerApprovals(sql, actor, {
      runId: run.runId,
      answers: run.ids.map((approvalId) => ({ approvalId, approved: true })),
    }),
  ).rejects.toMatchObject({ code: 'conflict', detail: expect.stringContaining('came too late') });
  const epoch = await claim(sql, { run: run.run, wakeup: run.wakeup + 1 });
  expect(await loadRun(sql, { runId: run.runId, epoch })).toMatchObject({ hasExpiredApproval: true });
});

it('finds a pending run whose thread is free, and only then', async () => {
  const first = await newClaimedRun(sql, actor);
  const second = await newRun(sql, actor, { threadId: first.thread.id, onBusy: 'queue' });
  await age(second.run.id);
  expect(await troubleOf(second.run.id)).toEqual([]);
  expect(await wakeRun(sql, { runId: second.run.id, wakeup: 1 })).toBeNull();
  // As no verb leaves it: the promotion was lost.
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`;
    await transaction`update runs set status = 'failed', reason = 'internal', ended_at = now() where id = ${first.runId}`;
  });
  expect(await troubleOf(second.run.id)).toEqual(['stranded']);
  expect(await wakeRun(sql, { runId: second.run.id, wakeup: 1 })).toEqual({ wakeup: 2 });
});

it('finds objects that never got a row, uploads that no run took up, and what a deletion left', async () => {
  const key = (name: string) => `${actor.accountId}/${name}`;
  const file = { name: 'a.txt', mediaType: 'text/plain', size: 1 };
  const loose = async () => await findLooseObjects(sql, { unclaimedMs: 3_600_000, limit: 100 });
  const put = async (name: string, options: { projectId?: string } = {}) => {
    await reserveObjects(sql, [key(name)]);
    return await createFile(sql, actor, { ...file, ...options, objectKey: key(name) });
  };
  await reserveObjects(sql, [key('broken-off'), key('under-way')]);
  const { project } = await newRun(sql, actor);
  const unwanted = await put('unwanted');
  await put('of-a-project', { projectId: project.id });
  await put('fresh');
  expect(await loose()).toEqual([]);
  await sql`update loose_objects set since = now() - interval '2 hours' where object_key = ${key('broken-off')}`;
  await sql`update files set created_at = now() - interval '2 hours'
    where object_key = any (${[key('unwanted'), key('of-a-project')]})`;
  expect((await loose()).toSorted()).toEqual([key('broken-off'), key('unwanted')].toSorted());
  await expect(readFile(sql, actor, unwanted.id)).rejects.toMatchObject({ code: 'not_found' });
  await forgetObjects(sql, [key('broken-off'), key('unwanted')]);
  expect(await loose()).toEqual([]);
  await deleteProject(sql, actor, project.id);
  expect(await loose()).toEqual([key('of-a-project')]);
  await forgetObjects(sql, [key('of-a-project')]);
});

it('reads where many runs stand in one query, and leaves out ids that name none', async () => {
  const queued = await newRun(sql, actor);
  const running = await newClaimedRun(sql, actor);
  const rows = await readFollowedRuns(sql, [queued.run.id, running.runId, randomUUID(), 'garbage']);
  expect(rows.toSorted((a, b) => (a.runId < b.runId ? -1 : 1))).toEqual([
    { runId: queued.run.id, status: 'queued', wakeup: 1, waitEventId: null },
    { runId: running.runId, status: 'running', wakeup: 1, waitEventId: null },
  ]);
  expect(await readFollowedRuns(sql, [])).toEqual([]);
});

it.each([randomUUID(), 'garbage'])('answers not_found for the snapshot of %s', async (runId) => {
  await expect(snapshot(sql, { runId })).rejects.toMatchObject({ code: 'not_found' });
});
