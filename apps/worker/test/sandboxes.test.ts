import { newId, type UserId } from '@switchyard/protocol';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import {
  type Actor,
  claimRun,
  createProject,
  createSandboxRecords,
  deleteProject,
  resolveUser,
  startRun,
} from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSandboxRemover, type RemovalPolicy } from '../src/remove-sandboxes.ts';
import { type Harness, jobOf, startHarness } from './harness.ts';
import { type SandboxHostProcess, startSandboxHost } from './sandbox-host.ts';

let harness: Harness;
let host: SandboxHostProcess;
let sandboxes: Sandboxes;
const { signal } = new AbortController();
/** Of one account. */
const maxRunningPerAccount = 2;

beforeAll(async () => {
  [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  sandboxes = connect(host.url);
});
afterAll(async () => {
  await sandboxes?.close();
  await harness?.stop();
  await host?.stop();
});

function connect(apiUrl: string): Sandboxes {
  const records = createSandboxRecords(harness.sql, { maxRunningPerAccount });
  return createSandboxes({ apiUrl, apiKey: host.apiKey, records, requestTimeoutMs: 5000 });
}

async function newActor(): Promise<Actor> {
  return await resolveUser(harness.sql, { userId: crypto.randomUUID() as UserId, email: null });
}

async function newProject(actor: Actor): Promise<string> {
  return (await createProject(harness.sql, actor, { name: 'p' })).id;
}

async function open(projectId: string): Promise<Sandbox> {
  return await sandboxes.open({ projectId, sandboxId: null, signal });
}

/** As the sandbox service sees it. */
async function stateOf(idOrName: string): Promise<string> {
  const headers = { authorization: `Bearer ${host.apiKey}` };
  const response = await fetch(`${host.url}/sandbox/${idOrName}`, { headers });
  return response.ok ? ((await response.json()) as { state: string }).state : String(response.status);
}

/** Nobody has used it for that long. */
async function leaveAlone(projectId: string, minutes: number): Promise<void> {
  await harness.sql`
    update projects set sandbox_used_at = now() - ${minutes} * interval '1 minute' where id = ${projectId}`;
}

function newRemover(changes: Partial<RemovalPolicy> = {}, to: Pick<Sandboxes, 'remove'> = sandboxes) {
  return createSandboxRemover({ ...harness.worker, sandboxes: to }, { pageSize: 100, ...changes });
}

async function waitFor(name: string): Promise<void> {
  await harness.sql`update discarded_sandboxes set due_at = now() where name = ${name}`;
}

describe('a deleted project', () => {
  it('takes its sandbox along, and is forgotten when that is gone for sure', async () => {
    const actor = await newActor();
    const projectId = await newProject(actor);
    const name = `switchyard-${projectId}`;
    const sandbox = await open(projectId);
    await sandbox.run({ command: 'sleep 600 & echo x > file', timeoutMs: 5000, signal });
    await deleteProject(harness.sql, actor, projectId);
    const remover = newRemover({ settleMs: -1 });
    await remover.remove(signal);
    expect(await stateOf(sandbox.id)).toBe('404');
    expect(remover.report).toMatchObject({ removed: 1, failed: 0 });
    await waitFor(name);
    await remover.remove(signal);
    expect(remover.report).toMatchObject({ removed: 1, failed: 0 });
    expect(await harness.sql`select from discarded_sandboxes where name = ${name}`).toHaveLength(0);
  });

  it('is not forgotten while the service is down: its sandbox goes when it is back', async () => {
    const actor = await newActor();
    const projectId = await newProject(actor);
    const sandbox = await open(projectId);
    await deleteProject(harness.sql, actor, projectId);
    const away = connect('http://127.0.0.1:9');
    const remover = newRemover({}, away);
    await remover.remove(signal);
    expect(remover.report).toMatchObject({
      removed: 0,
      failed: 1,
      lastFailure: expect.stringContaining('sandbox_failed'),
    });
    expect(await stateOf(sandbox.id)).toBe('started');
    await away.close();
    await waitFor(`switchyard-${projectId}`);
    await newRemover().remove(signal);
    expect(await stateOf(sandbox.id)).toBe('404');
  });

  it('takes a sandbox along that comes only now, from who was making it', async () => {
    const actor = await newActor();
    const projectId = await newProject(actor);
    const records = createSandboxRecords(harness.sql, { maxRunningPerAccount });
    const lease = await records.lease(projectId, { forMs: 10_000 });
    if (lease.outcome !== 'taken') throw new Error('the lease is not to be had');
    await records.admit({ projectId, leaseId: lease.leaseId });
    await deleteProject(harness.sql, actor, projectId);
    const remover = newRemover();
    await remover.remove(signal);
    // As a request that was under way: nothing is there that could refuse it.
    const late = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey });
    const sandbox = await late.open({ projectId, sandboxId: null, signal });
    await late.close();
    await waitFor(lease.name);
    await remover.remove(signal);
    expect(await stateOf(sandbox.id)).toBe('404');
  });

  it('has no sandbox made for it any more', async () => {
    const actor = await newActor();
    const projectId = await newProject(actor);
    await deleteProject(harness.sql, actor, projectId);
    await expect(open(projectId)).rejects.toMatchObject({ code: 'not_found' });
    expect(await stateOf(`switchyard-${projectId}`)).toBe('404');
  });

  it('is looked after again and again until the worker stops', async () => {
    const stop = new AbortController();
    const removing = newRemover({ everyMs: 30 }).removeUntil(stop.signal);
    const actor = await newActor();
    const projectId = await newProject(actor);
    const sandbox = await open(projectId);
    await deleteProject(harness.sql, actor, projectId);
    await vi.waitFor(async () => expect(await stateOf(sandbox.id)).toBe('404'), { timeout: 20_000 });
    stop.abort();
    await removing;
  });
});

describe('a sandbox that is not found', () => {
  it('stays as it is when another server was asked, which knows no such address', async () => {
    const projectId = await newProject(await newActor());
    const sandbox = await open(projectId);
    const elsewhere = connect(`${host.url}/elsewhere`);
    const options = { projectId, sandboxId: sandbox.id, signal };
    await expect(elsewhere.open(options)).rejects.toMatchObject({ code: 'sandbox_failed' });
    await elsewhere.close();
    expect((await open(projectId)).id).toBe(sandbox.id);
  });

  it('is replaced when the service says that it is gone, and nothing is removed later', async () => {
    const projectId = await newProject(await newActor());
    const sandbox = await open(projectId);
    const headers = { authorization: `Bearer ${host.apiKey}` };
    await fetch(`${host.url}/sandbox/${sandbox.id}`, { method: 'DELETE', headers });
    await vi.waitFor(async () => expect(await stateOf(sandbox.id)).toBe('404'));
    expect((await open(projectId)).id).not.toBe(sandbox.id);
    const name = `switchyard-${projectId}`;
    expect(await harness.sql`select from discarded_sandboxes where name = ${name}`).toHaveLength(0);
    expect(await stateOf(`${name}-1`)).toBe('started');
  });
});

describe('the sandboxes that an account may have running', () => {
  it('are kept by putting the longest unused one to rest, which goes on where it was when it is used', async () => {
    const actor = await newActor();
    const [oldest, older, next] = [await newProject(actor), await newProject(actor), await newProject(actor)];
    const first = await open(oldest);
    await first.writeFile({ path: 'kept', bytes: Buffer.from('kept'), signal });
    const second = await open(older);
    await leaveAlone(oldest, 20);
    await leaveAlone(older, 10);
    const third = await open(next);
    expect([await stateOf(first.id), await stateOf(second.id), await stateOf(third.id)]).toEqual([
      'archived',
      'started',
      'started',
    ]);
    const again = await sandboxes.open({ projectId: oldest, sandboxId: first.id, signal });
    expect(await again.stat('kept', { signal })).not.toBeNull();
    expect([await stateOf(first.id), await stateOf(second.id)]).toEqual(['started', 'archived']);
  });

  it('are never taken from a run, or from who has just looked', async () => {
    const actor = await newActor();
    const [busy, read, next] = [await newProject(actor), await newProject(actor), await newProject(actor)];
    await open(busy);
    await open(read);
    await leaveAlone(busy, 20);
    const started = await startRun(harness.sql, actor, {
      requestHash: newId(),
      model: 'scripted:demo',
      limits: {},
      message: { parts: [{ type: 'text', text: 'work' }] },
      projectId: busy,
    });
    await claimRun(harness.sql, { ...jobOf(started), workerId: 'test' });
    await expect(open(next)).rejects.toMatchObject({ code: 'sandbox_limit' });
    expect(await stateOf(`switchyard-${busy}`)).toBe('started');
    expect(await stateOf(`switchyard-${read}`)).toBe('started');
    expect(await stateOf(`switchyard-${next}`)).toBe('404');
    await leaveAlone(read, 2);
    await open(next);
    expect(await stateOf(`switchyard-${read}`)).toBe('archived');
  });

  it('do not count when they were stopped or removed by somebody else', async () => {
    const actor = await newActor();
    const projects = [await newProject(actor), await newProject(actor)];
    for (const projectId of projects) {
      const { id } = await open(projectId);
      const headers = { authorization: `Bearer ${host.apiKey}` };
      await fetch(`${host.url}/sandbox/${id}`, { method: 'DELETE', headers });
      await leaveAlone(projectId, 5);
    }
    const more = [await newProject(actor), await newProject(actor)];
    await Promise.all(more.map(open));
    for (const projectId of more) expect(await stateOf(`switchyard-${projectId}`)).toBe('started');
  });

  it('are no more when many are asked for at once', async () => {
    const actor = await newActor();
    const projects = await Promise.all(Array.from({ length: 6 }, () => newProject(actor)));
    const opened = await Promise.allSettled(projects.map(open));
    expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(maxRunningPerAccount);
    const states = await Promise.all(projects.map((projectId) => stateOf(`switchyard-${projectId}`)));
    expect(states.filter((state) => state === 'started')).toHaveLength(maxRunningPerAccount);
    const others = await newActor();
    await open(await newProject(others));
  });
});
