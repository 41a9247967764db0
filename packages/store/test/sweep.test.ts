import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Actor,
  type Database,
  findUnattendedRuns,
  finishRun,
  raiseWakeup,
  readFollowedRuns,
  readProject,
  saveSandboxId,
  snapshot,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun, newRun } from './fixtures.ts';

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
  const found = await findUnattendedRuns(sql, { olderThanMs: 15_000, limit: 100 });
  expect(found).toEqual([
    { runId: queued.run.id, wakeup: 1, status: 'queued', priority: queued.priority },
    { runId: running.runId, wakeup: 1, status: 'running', priority: running.priority },
  ]);
  const first = await findUnattendedRuns(sql, { olderThanMs: 15_000, limit: 1 });
  const second = await findUnattendedRuns(sql, { olderThanMs: 15_000, limit: 1, after: first[0]?.runId });
  expect([...first, ...second]).toEqual(found);
  expect(found.map(({ runId }) => runId)).not.toContain(fresh.run.id);
});

it('raises a wakeup once, however many sweepers try, and leaves an ended run alone', async () => {
  const { run, wakeup } = await newRun(sql, actor);
  await age(run.id);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => raiseWakeup(sql, { runId: run.id, wakeup })),
  );
  expect(answers.filter((answer) => answer !== null)).toEqual([{ wakeup: 2 }]);
  const found = await findUnattendedRuns(sql, { olderThanMs: 15_000, limit: 100 });
  expect(found.map(({ runId }) => runId)).not.toContain(run.id);
  const ended = await newClaimedRun(sql, actor);
  await finishRun(sql, { ...ended, reason: 'finished', lastOrdinal: 2 });
  expect(await raiseWakeup(sql, { runId: ended.runId, wakeup: ended.wakeup })).toBeNull();
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

it('sets a project’s sandbox by compare and set: of two workers at once, one’s stands', async () => {
  const { project } = await newRun(sql, actor);
  const save = async (sandboxId: string, expected: string | null) =>
    saveSandboxId(sql, { projectId: project.id, sandboxId, expected });
  const [first, second] = await Promise.all([save('a', null), save('b', null)]);
  expect(first).toBe(second);
  expect(['a', 'b']).toContain(first);
  expect(await save('c', 'wrong')).toBe(first);
  expect(await save('c', first)).toBe('c');
  expect(await readProject(sql, actor, project.id)).toMatchObject({ sandboxId: 'c' });
  const gone = saveSandboxId(sql, { projectId: randomUUID(), sandboxId: 'a', expected: null });
  await expect(gone).rejects.toMatchObject({ code: 'not_found' });
});

it.each([randomUUID(), 'garbage'])('answers not_found for the snapshot of %s', async (runId) => {
  await expect(snapshot(sql, { runId })).rejects.toMatchObject({ code: 'not_found' });
});
