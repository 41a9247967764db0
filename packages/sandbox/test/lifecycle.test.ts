import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxes, type Sandbox, type Sandboxes } from '../src/index.ts';
import type { SandboxesOptions } from '../src/index.ts';
import { createOwnRecords } from '../src/own-records.ts';
import { type Fault, type FaultyService, faultFor, startFaultyService } from './faulty-service.ts';
import { type HostProcess, startHostProcess, temporaryFolder } from './host-process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let host: HostProcess;
let service: FaultyService;
const opened: Sandboxes[] = [];
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await temporaryFolder();
  host = await startHostProcess(folder.path);
  service = await startFaultyService(host.url);
});
afterEach(async () => {
  service.mend();
  for (const sandboxes of opened.splice(0)) await sandboxes.close();
});
afterAll(async () => {
  await service?.stop();
  await host?.end('SIGTERM');
  await folder?.remove();
});

function connect(options: Partial<SandboxesOptions> = {}): Sandboxes {
  const sandboxes = createSandboxes({ apiUrl: service.url, apiKey: host.apiKey, ...options });
  opened.push(sandboxes);
  return sandboxes;
}

/** A project with a sandbox that holds a file, and who opened it. */
async function newProject(options: Partial<SandboxesOptions> = {}) {
  const projectId = randomUUID();
  const sandboxes = connect(options);
  const sandbox = await sandboxes.open({ projectId, sandboxId: null, signal });
  await sandbox.writeFile({ path: 'kept', bytes: Buffer.from('kept'), signal });
  service.mend();
  const open = (): Promise<Sandbox> => sandboxes.open({ projectId, sandboxId: sandbox.id, signal });
  return { projectId, sandboxes, sandbox, open };
}

async function ask(method: string, path: string): Promise<Response> {
  return await fetch(host.url + path, { method, headers: { authorization: `Bearer ${host.apiKey}` } });
}

async function isKept(sandbox: Sandbox): Promise<boolean> {
  return (await sandbox.stat('kept', { signal })) !== null;
}

const one = /^\/sandbox\/[^/]+$/;
const start = /^\/sandbox\/[^/]+\/start$/;
const recover = /^\/sandbox\/[^/]+\/recover$/;
const execute = /^\/toolbox\/[^/]+\/process\/execute$/;
const all = /^\/sandbox$/;
const busy: Fault = { kind: 'answer', status: 409, body: { message: 'Sandbox state change in progress' } };

describe('a new sandbox', () => {
  test('is made of what is set up, named and labelled by its project, and never deleted by itself', async () => {
    const projectId = randomUUID();
    const labels = { team: 'blue' };
    const sandboxes = connect({
      source: { kind: 'snapshot', name: 'agents' },
      labels,
      autoStopMinutes: 45,
      autoArchiveMinutes: 600,
    });
    await sandboxes.open({ projectId, sandboxId: null, signal });
    const made = service.seen.find(({ method, path }) => method === 'POST' && all.test(path));
    expect(made?.body).toMatchObject({
      name: `switchyard-${projectId}`,
      snapshot: 'agents',
      labels: { team: 'blue', 'switchyard-project': projectId },
      autoStopInterval: 45,
      autoArchiveInterval: 600,
      autoDeleteInterval: -1,
    });
    expect(made?.body).not.toHaveProperty('cpu');
    expect(labels).toEqual({ team: 'blue' });
  });

  test('is made of an image with the resources that are set up', async () => {
    const sandboxes = connect({ source: { kind: 'image', name: 'debian:12', cpu: 2, diskGb: 5 } });
    await sandboxes.open({ projectId: randomUUID(), sandboxId: null, signal });
    const made = service.seen.find(({ method, path }) => method === 'POST' && all.test(path));
    expect(made?.body).toMatchObject({
      cpu: 2,
      disk: 5,
      buildInfo: { dockerfileContent: 'FROM debian:12\n' },
    });
    expect(made?.body).not.toHaveProperty('snapshot');
    expect(made?.body).not.toHaveProperty('memory');
  });

  test.each<[string, Fault, number]>([
    ['whose answer was lost is found again', { kind: 'lose-answer' }, 1],
    ['whose request was lost is asked for again', { kind: 'cut' }, 2],
    ['that the service has no time for is asked for again', { kind: 'answer', status: 503 }, 2],
  ])('%s, and there is one', async (_case, fault, requests) => {
    service.onRequest(faultFor('POST', all, fault, 1));
    const projectId = randomUUID();
    const sandbox = await connect().open({ projectId, sandboxId: null, signal });
    expect(service.count('POST', all)).toBe(requests);
    const named = (await (await ask('GET', `/sandbox/switchyard-${projectId}`)).json()) as { id: string };
    expect(named.id).toBe(sandbox.id);
  });

  test('waits as long as a rate limit asks for', async () => {
    const headers = { 'retry-after-sandbox-create': '1' };
    service.onRequest(faultFor('POST', all, { kind: 'answer', status: 429, headers }, 1));
    const startedAt = performance.now();
    await connect().open({ projectId: randomUUID(), sandboxId: null, signal });
    expect(performance.now() - startedAt).toBeGreaterThan(1000);
    expect(service.count('POST', all)).toBe(2);
  });

  test.each([
    [403, 'Total memory limit exceeded. Maximum allowed: 10GiB.', 'sandbox_limit'],
    [400, 'No available runners', 'sandbox_limit'],
    [403, 'Organization is suspended: Depleted credits', 'sandbox_unavailable'],
    [401, 'Unauthorized', 'sandbox_unavailable'],
  ])(
    'that the service refuses with %i %j is an error of its own code, at once',
    async (status, message, code) => {
      service.onRequest(
        faultFor('POST', all, { kind: 'answer', status, body: { statusCode: status, message } }),
      );
      const open = connect().open({ projectId: randomUUID(), sandboxId: null, signal });
      await expect(open).rejects.toMatchObject({ code });
      expect(service.count('POST', all)).toBe(1);
    },
  );

  test('whose build fails is given up, and after a second one the failure is told', async () => {
    const failed = {
      kind: 'change',
      members: { state: 'build_failed', errorReason: 'no such image' },
    } as const;
    service.onRequest(faultFor('GET', one, failed));
    service.onRequest(faultFor('POST', all, { kind: 'change', members: { state: 'pending_build' } }));
    const projectId = randomUUID();
    const open = connect().open({ projectId, sandboxId: null, signal });
    await expect(open).rejects.toMatchObject({ code: 'sandbox_failed' });
    const names = service.seen.flatMap(({ method, path, body }) =>
      method === 'POST' && all.test(path) ? [body?.['name']] : [],
    );
    expect(names).toEqual([`switchyard-${projectId}`, `switchyard-${projectId}-1`]);
  });
});

describe('a sandbox that was made before', () => {
  test.each(['stopped', 'archived', 'archiving', 'paused'])('is started when it is %s', async (state) => {
    const { sandbox, open } = await newProject();
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    service.onRequest(faultFor('GET', one, { kind: 'change', members: { state } }, 2));
    const again = await open();
    expect(again.id).toBe(sandbox.id);
    expect(again.incarnation).not.toBe(sandbox.incarnation);
    expect(service.count('POST', start)).toBe(1);
    expect(await isKept(again)).toBe(true);
  });

  test.each(['starting', 'stopping', 'creating', 'restoring', 'pausing', 'resizing', 'something new'])(
    'is waited for while it is %s',
    async (state) => {
      const { sandbox, open } = await newProject();
      service.onRequest(faultFor('GET', one, { kind: 'change', members: { state } }, 4));
      expect((await open()).id).toBe(sandbox.id);
      expect(service.count('POST', start)).toBe(0);
    },
  );

  test('is waited for while its state changes under our feet', async () => {
    const { sandbox, open } = await newProject();
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    service.onRequest(faultFor('POST', start, busy, 5));
    expect((await open()).id).toBe(sandbox.id);
    expect(service.count('POST', start)).toBe(6);
  });

  test.each<[string, Fault]>([
    ['502', { kind: 'answer', status: 502 }],
    ['503', { kind: 'answer', status: 503, headers: { 'retry-after': '0' } }],
    ['429', { kind: 'answer', status: 429, headers: { 'retry-after-sandbox-lifecycle': '0' } }],
    ['a broken line', { kind: 'cut' }],
    ['a lost answer', { kind: 'lose-answer' }],
  ])('is started in spite of %s', async (_case, fault) => {
    const { sandbox, open } = await newProject();
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    service.onRequest(faultFor('POST', start, fault, 1));
    service.onRequest(faultFor('GET', one, fault, 1));
    const again = await open();
    expect(again.id).toBe(sandbox.id);
    expect(await isKept(again)).toBe(true);
  });

  test('is opened anew when it is stopped between two requests', async () => {
    const { sandbox, open } = await newProject();
    const stop = { kind: 'after', first: () => ask('POST', `/sandbox/${sandbox.id}/stop`) } as const;
    service.onRequest(faultFor('POST', execute, stop, 1));
    const again = await open();
    expect(again.id).toBe(sandbox.id);
    expect(await isKept(again)).toBe(true);
  });

  test('that is stopped while it is used is an error, and opened again it goes on', async () => {
    const { sandbox, open } = await newProject();
    const stop = { kind: 'after', first: () => ask('POST', `/sandbox/${sandbox.id}/stop`) } as const;
    service.onRequest(faultFor('POST', execute, stop, 1));
    const run = sandbox.run({ command: 'true', timeoutMs: 5000, signal });
    await expect(run).rejects.toMatchObject({ code: 'sandbox_failed' });
    expect(await isKept(await open())).toBe(true);
  });

  test('is recovered from an error that can be, and is the same afterwards', async () => {
    const { sandbox, open } = await newProject();
    let isBroken = true;
    const members = { state: 'error', recoverable: true, errorReason: 'disk' };
    service.onRequest(({ method, path }) => {
      if (method === 'GET' && one.test(path) && isBroken) return { kind: 'change', members };
      if (method !== 'POST' || !recover.test(path)) return null;
      isBroken = false;
      return { kind: 'answer', status: 200, body: { id: sandbox.id, state: 'started', labels: {} } };
    });
    const again = await open();
    expect(again.id).toBe(sandbox.id);
    expect(service.count('POST', recover)).toBe(1);
    expect(await isKept(again)).toBe(true);
  });

  test.each([
    ['in an error for good', { state: 'error', recoverable: false }, 0],
    ['in an error that is not mended', { state: 'error', recoverable: true }, 1],
    ['destroyed', { state: 'destroyed' }, 0],
    ['being destroyed', { state: 'destroying' }, 0],
  ])('that is %s is replaced under a new name', async (_case, members, recoveries) => {
    const { projectId, sandbox, open } = await newProject();
    const isOld = (path: string) => path.endsWith(sandbox.id) || path.endsWith(projectId);
    service.onRequest(({ method, path }) => {
      if (method === 'GET' && one.test(path) && isOld(path)) return { kind: 'change', members };
      const answer = { id: sandbox.id, state: 'error', labels: {} };
      return recover.test(path) ? { kind: 'answer', status: 200, body: answer } : null;
    });
    const next = await open();
    expect(next.id).not.toBe(sandbox.id);
    expect(await isKept(next)).toBe(false);
    expect(service.count('POST', recover)).toBe(recoveries);
    expect(service.count('GET', new RegExp(`${projectId}-1$`))).toBeGreaterThan(0);
    // Who names the old one still is led to the new one.
    expect((await open()).id).toBe(next.id);
  });

  test('that is gone is replaced, and not for who only looks', async () => {
    const { projectId, sandboxes, sandbox, open } = await newProject();
    await ask('DELETE', `/sandbox/${sandbox.id}`);
    const look = { projectId, sandboxId: sandbox.id, mayCreate: false, signal };
    await expect(sandboxes.open(look)).rejects.toMatchObject({ code: 'not_found' });
    expect(service.count('POST', all)).toBe(0);
    const next = await open();
    expect(next.id).not.toBe(sandbox.id);
    expect((await sandboxes.open({ ...look, sandboxId: next.id })).id).toBe(next.id);
  });

  test('that is broken is left alone by who only looks', async () => {
    const { projectId, sandboxes, sandbox } = await newProject();
    service.onRequest(faultFor('GET', one, { kind: 'change', members: { state: 'error' } }));
    const look = sandboxes.open({ projectId, sandboxId: sandbox.id, mayCreate: false, signal });
    await expect(look).rejects.toMatchObject({ code: 'sandbox_failed' });
    expect(service.count('POST', all)).toBe(0);
  });
});

describe('a service that does not answer', () => {
  const impatient = { requestTimeoutMs: 400, startTimeoutMs: 600 };

  test.each<[string, string, RegExp]>([
    ['the look', 'GET', one],
    ['the making', 'POST', all],
    ['the first command', 'POST', execute],
  ])('to %s is given up in time', async (_what, method, path) => {
    service.onRequest(faultFor(method, path, { kind: 'hang' }));
    const open = connect(impatient).open({ projectId: randomUUID(), sandboxId: null, signal });
    await expect(open).rejects.toMatchObject({
      code: 'sandbox_failed',
      detail: 'The sandbox took too long to answer.',
    });
  });

  test('to the start is given up in time, and the next opening starts it', async () => {
    const records = createOwnRecords();
    const { projectId, sandbox, open } = await newProject({ records });
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    service.onRequest(faultFor('POST', start, { kind: 'hang' }));
    const hasty = connect({ ...impatient, records });
    const given = hasty.open({ projectId, sandboxId: sandbox.id, signal });
    await expect(given).rejects.toMatchObject({ code: 'sandbox_failed' });
    service.mend();
    expect(await isKept(await open())).toBe(true);
  });

  test('is waited for no longer than its caller waits', async () => {
    service.onRequest(faultFor('GET', one, { kind: 'hang' }));
    const caller = new AbortController();
    const open = connect().open({ projectId: randomUUID(), sandboxId: null, signal: caller.signal });
    await expect.poll(() => service.count('GET', one)).toBeGreaterThan(0);
    caller.abort(new Error('The caller left.'));
    await expect(open).rejects.toThrow('The caller left.');
  });
});

describe('several who open one project', () => {
  test('start its sandbox once', async () => {
    const records = createOwnRecords();
    const { projectId, sandbox } = await newProject({ records });
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    const others = Array.from({ length: 5 }, () => connect({ records }));
    const all = await Promise.all(
      others.map((sandboxes) => sandboxes.open({ projectId, sandboxId: sandbox.id, signal })),
    );
    expect(new Set(all.map(({ incarnation }) => incarnation)).size).toBe(1);
    expect(service.count('POST', start)).toBe(1);
  });

  test('replace a broken one once', async () => {
    const records = createOwnRecords();
    const { projectId, sandbox } = await newProject({ records });
    await ask('DELETE', `/sandbox/${sandbox.id}`);
    const others = Array.from({ length: 5 }, () => connect({ records }));
    const found = await Promise.all(
      others.map((sandboxes) => sandboxes.open({ projectId, sandboxId: sandbox.id, signal })),
    );
    expect(new Set(found.map(({ id }) => id)).size).toBe(1);
    expect(service.count('POST', all)).toBe(1);
  });

  test('are not kept waiting by one that died in the middle', async () => {
    const records = createOwnRecords();
    const { projectId, sandbox } = await newProject({ records });
    await ask('POST', `/sandbox/${sandbox.id}/stop`);
    await records.lease(projectId, { forMs: 300 });
    const again = await connect({ records }).open({ projectId, sandboxId: sandbox.id, signal });
    expect(again.id).toBe(sandbox.id);
  });

  test('end with one sandbox when the lease of one is lost while it makes it', async () => {
    const records = createOwnRecords();
    const projectId = randomUUID();
    const gate = Promise.withResolvers<void>();
    service.onRequest(faultFor('POST', all, { kind: 'after', first: () => gate.promise }, 1));
    // Its renewals find another holder: as after a sleep of the process.
    const slow = connect({ records: { ...records, renew: async () => false }, leaseMs: 500 });
    const first = slow.open({ projectId, sandboxId: null, signal });
    await expect.poll(() => service.count('POST', all)).toBe(1);
    const second = await connect({ records, leaseMs: 500 }).open({ projectId, sandboxId: null, signal });
    gate.resolve();
    expect((await first).id).toBe(second.id);
    const named = (await (await ask('GET', `/sandbox/switchyard-${projectId}`)).json()) as { id: string };
    expect(named.id).toBe(second.id);
  });
});

describe('removing a sandbox', () => {
  test('removes it, and finds none the next time', async () => {
    const { projectId, sandboxes, sandbox } = await newProject();
    const name = `switchyard-${projectId}`;
    expect(await sandboxes.remove(name, { signal })).toBe('removed');
    expect((await ask('GET', `/sandbox/${sandbox.id}`)).status).toBe(404);
    expect(await sandboxes.remove(name, { signal })).toBe('absent');
  });

  test.each<[string, Fault]>([
    ['503', { kind: 'answer', status: 503 }],
    ['a lost answer', { kind: 'lose-answer' }],
  ])('is done in spite of %s', async (_case, fault) => {
    const { projectId, sandboxes, sandbox } = await newProject();
    service.onRequest(faultFor('DELETE', one, fault, 1));
    await sandboxes.remove(`switchyard-${projectId}`, { signal }).catch(() => undefined);
    expect((await ask('GET', `/sandbox/${sandbox.id}`)).status).toBe(404);
  });

  test('is refused while its state changes, and is left to the next time', async () => {
    const { projectId, sandboxes } = await newProject();
    service.onRequest(faultFor('DELETE', one, busy, 1));
    const name = `switchyard-${projectId}`;
    await expect(sandboxes.remove(name, { signal })).rejects.toMatchObject({ code: 'sandbox_failed' });
    expect(await sandboxes.remove(name, { signal })).toBe('removed');
  });
});
