import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  createProject,
  createSandboxRecords,
  type Database,
  deleteProject,
  findDiscardedSandboxes,
  readProject,
  settleDiscardedSandbox,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
let records: ReturnType<typeof createSandboxRecords>;
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
  actor = await newActor(sql);
  records = createSandboxRecords(sql, { maxRunningPerAccount: 2 });
});
afterAll(async () => database.drop());

const minute = { forMs: 60_000 };

async function newProject(of = actor): Promise<string> {
  return (await createProject(sql, of, { name: 'p' })).id;
}

async function take(projectId: string, options: { readonly forMs: number } = minute) {
  const answer = await records.lease(projectId, options);
  if (answer.outcome !== 'taken') throw new Error(`the lease is ${answer.outcome}`);
  return { projectId, leaseId: answer.leaseId, name: answer.name, sandboxId: answer.sandboxId };
}

/** A project whose sandbox runs, unless its account has too many, and that nobody has used for so long. */
async function newRunning(of: Actor, unusedMinutes = 0): Promise<string> {
  const projectId = await newProject(of);
  const lease = await take(projectId);
  await records.admit(lease);
  await records.save(lease, `sandbox-of-${projectId}`);
  await records.giveBack(lease);
  await sql`update projects set sandbox_used_at = now() - ${unusedMinutes} * interval '1 minute' where id = ${projectId}`;
  return projectId;
}

describe('the lease of a project’s sandbox', () => {
  it('is given to one of many who ask at once, and to the next when it is given back', async () => {
    const projectId = await newProject();
    const answers = await Promise.all(Array.from({ length: 8 }, () => records.lease(projectId, minute)));
    const taken = answers.filter((answer) => answer.outcome === 'taken');
    expect(taken).toEqual([
      { outcome: 'taken', leaseId: expect.any(String), name: `switchyard-${projectId}`, sandboxId: null },
    ]);
    expect(answers.filter(({ outcome }) => outcome === 'held')).toHaveLength(7);
    for (const { leaseId } of taken) await records.giveBack({ projectId, leaseId });
    expect(await records.lease(projectId, minute)).toMatchObject({ outcome: 'taken' });
  });

  it('goes to another when its time is over, and who had it changes nothing any more', async () => {
    const projectId = await newProject();
    const late = await take(projectId, { forMs: -1 });
    const holder = await take(projectId);
    expect(await records.renew(late, minute)).toBe(false);
    expect(await records.save(late, 'of-the-late')).toBe(false);
    expect(await records.noteRest(late)).toBe(false);
    expect(await records.replace(late, { keepMs: 0 })).toBeNull();
    expect(await records.admit(late)).toEqual({ outcome: 'lost' });
    await records.giveBack(late);
    expect(await records.save(holder, 'of-the-holder')).toBe(true);
    expect(await readProject(sql, actor, projectId)).toMatchObject({ sandboxId: 'of-the-holder' });
  });

  it('is not prolonged by who slept while another had it and gave it back', async () => {
    const projectId = await newProject();
    const late = await take(projectId, { forMs: -1 });
    await records.giveBack(await take(projectId));
    expect(await records.renew(late, minute)).toBe(false);
    expect(await records.save(late, 'of-the-late')).toBe(false);
  });

  it('is kept beyond its time by who renews it', async () => {
    const projectId = await newProject();
    const lease = await take(projectId, { forMs: -1 });
    expect(await records.renew(lease, minute)).toBe(true);
    expect(await records.lease(projectId, minute)).toEqual({ outcome: 'held' });
  });

  it('is not there for a project that is not', async () => {
    expect(await records.lease(randomUUID(), minute)).toEqual({ outcome: 'gone' });
    const projectId = await newProject();
    const lease = await take(projectId);
    await deleteProject(sql, actor, projectId);
    expect(await records.save(lease, 'late')).toBe(false);
    expect(await records.admit(lease)).toEqual({ outcome: 'lost' });
  });

  it('is refused for a sandbox that somebody works in, where only an idle one is wanted', async () => {
    const idleOnly = { ...minute, isIdleOnly: true };
    const used = await newRunning(await newActor(sql));
    expect(await records.lease(used, idleOnly)).toEqual({ outcome: 'busy' });
    const worker = await newActor(sql);
    const { project } = await newClaimedRun(sql, worker);
    expect(await records.lease(project.id, idleOnly)).toEqual({ outcome: 'busy' });
    const idle = await newRunning(await newActor(sql), 2);
    expect(await records.lease(idle, idleOnly)).toMatchObject({ outcome: 'taken' });
  });
});

describe('the running sandboxes of an account', () => {
  it('are no more than is allowed, also for many who ask at once', async () => {
    const account = await newActor(sql);
    const projects = await Promise.all(Array.from({ length: 6 }, () => newProject(account)));
    const leases = await Promise.all(projects.map((projectId) => take(projectId)));
    const answers = await Promise.all(leases.map((lease) => records.admit(lease)));
    expect(answers.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(2);
    expect(answers.filter(({ outcome }) => outcome === 'full')).toHaveLength(4);
    expect(await records.admit(await take(await newProject(await newActor(sql))))).toEqual({
      outcome: 'admitted',
    });
  });

  it('count once each, and no more when they rest', async () => {
    const account = await newActor(sql);
    await newRunning(account);
    const second = await newRunning(account);
    const again = await take(second);
    expect(await records.admit(again)).toEqual({ outcome: 'admitted' });
    await records.noteRest(again);
    expect(await records.admit(await take(await newProject(account)))).toEqual({ outcome: 'admitted' });
  });

  it('are told by their use, those that somebody works in left out, when there is no place', async () => {
    const account = await newActor(sql);
    const wide = createSandboxRecords(sql, { maxRunningPerAccount: 4 });
    const [older, oldest, fresh] = [
      await newRunning(account, 5),
      await newRunning(account, 10),
      await newProject(account),
    ];
    const { project } = await newClaimedRun(sql, account);
    await sql`update projects set sandbox_runs = true, sandbox_used_at = now() - interval '1 hour' where id = ${project.id}`;
    await sql`update projects set sandbox_runs = true, sandbox_used_at = now() where id = ${fresh}`;
    const answer = await wide.admit(await take(await newProject(account)));
    expect(answer).toEqual({ outcome: 'full', idle: [oldest, older] });
  });

  it('count again when one is used that was thought to rest', async () => {
    const account = await newActor(sql);
    const projectId = await newRunning(account, 5);
    const lease = await take(projectId);
    await records.noteRest(lease);
    expect(await records.noteUse(projectId, `sandbox-of-${projectId}`)).toBe(true);
    await records.giveBack(lease);
    expect(await records.lease(projectId, { ...minute, isIdleOnly: true })).toEqual({ outcome: 'busy' });
    const [row] = await sql`select sandbox_runs from projects where id = ${projectId}`;
    expect(row).toEqual({ sandbox_runs: true });
  });
});

describe('a sandbox that is given up', () => {
  it('is replaced under a name of its own, and its use is refused', async () => {
    const projectId = await newRunning(await newActor(sql));
    const lease = await take(projectId);
    expect(await records.replace(lease, { keepMs: 0 })).toBe(`switchyard-${projectId}-1`);
    expect(await records.noteUse(projectId, `sandbox-of-${projectId}`)).toBe(false);
    await records.save(lease, 'new');
    await records.giveBack(lease);
    expect(await take(projectId)).toMatchObject({ name: `switchyard-${projectId}-1`, sandboxId: 'new' });
  });

  it('is found by who removes it once it has been kept, and again until it is gone for sure', async () => {
    const projectId = await newRunning(await newActor(sql));
    const name = `switchyard-${projectId}`;
    const lease = await take(projectId);
    await records.replace(lease, { keepMs: 3_600_000 });
    expect(await findDiscardedSandboxes(sql, { limit: 100 })).not.toContain(name);
    const comeDue = async () =>
      sql`update discarded_sandboxes set due_at = now() - interval '1 hour' where name = ${name}`;
    await comeDue();
    expect(await findDiscardedSandboxes(sql, { limit: 1 })).toEqual([name]);
    // Removed, or not to be removed: either way somebody looks again.
    expect(await settleDiscardedSandbox(sql, { name, isAbsent: false, settleMs: -1 })).toBe(false);
    expect(await findDiscardedSandboxes(sql, { limit: 100 })).not.toContain(name);
    await comeDue();
    // Not there, but somebody may be making it at this moment.
    expect(await settleDiscardedSandbox(sql, { name, isAbsent: true, settleMs: 60_000 })).toBe(false);
    await comeDue();
    expect(await settleDiscardedSandbox(sql, { name, isAbsent: true, settleMs: -1 })).toBe(true);
    expect(await sql`select from discarded_sandboxes where name = ${name}`).toHaveLength(0);
  });

  it('is left by the deletion of its project, also when it was only being made', async () => {
    const account = await newActor(sql);
    const [ready, begun, never] = [
      await newRunning(account),
      await newProject(account),
      await newProject(account),
    ];
    await records.admit(await take(begun));
    for (const projectId of [ready, begun, never]) await deleteProject(sql, account, projectId);
    const names = await findDiscardedSandboxes(sql, { limit: 1000 });
    expect(names).toContain(`switchyard-${ready}`);
    expect(names).toContain(`switchyard-${begun}`);
    expect(names).not.toContain(`switchyard-${never}`);
  });

  it('is left, too, when a worker of the release before had made it', async () => {
    const projectId = await newProject();
    await sql`select save_sandbox_id(${projectId}, 'x', null)`;
    await deleteProject(sql, actor, projectId);
    expect(await findDiscardedSandboxes(sql, { limit: 1000 })).toContain(`switchyard-${projectId}`);
  });
});
