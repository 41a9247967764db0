import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../src/limits.ts';
import { defaultQuotas } from '../src/sandbox-registry.ts';
import type { SandboxHostOptions } from '../src/start-host.ts';
import { apiKey, runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const gibibyte = 1024 ** 3;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function newHost(options: Partial<SandboxHostOptions>): Promise<TestHost> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const host = await startTestHost(folder.path, options);
  cleanups.push(host.close);
  return host;
}

async function ask({ host }: TestHost, method: string, route: string, body?: object) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const response = await fetch(host.url + route, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('a host', () => {
  test('takes no more sandboxes than it may, and says so in the words of the service', async () => {
    const host = await newHost({ quotas: { ...defaultQuotas, maxCount: 2 } });
    const made = await Promise.all([1, 2, 3].map(() => ask(host, 'POST', '/sandbox', {})));
    expect(made.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 200, 403]);
    const refused = made.find(({ status }) => status === 403);
    expect(refused?.body['message']).toBe('Total sandbox limit exceeded. Maximum allowed: 2.');
    await ask(host, 'DELETE', `/sandbox/${String(made.find(({ status }) => status === 200)?.body['id'])}`);
    expect(await ask(host, 'POST', '/sandbox', {})).toMatchObject({ status: 200 });
  });

  test('runs no more at the same time than it may, also when all are started at once', async () => {
    const host = await newHost({ quotas: { ...defaultQuotas, maxRunning: 2 } });
    const made = await Promise.all([1, 2, 3, 4].map(() => ask(host, 'POST', '/sandbox', {})));
    const running = made.filter(({ status }) => status === 200);
    expect(running).toHaveLength(2);
    expect(host.host.registry.running()).toHaveLength(2);
    const refused = made.find(({ status }) => status === 403);
    expect(refused?.body['message']).toBe('Total running sandbox limit exceeded. Maximum allowed: 2.');
    const [first] = running;
    await ask(host, 'POST', `/sandbox/${String(first?.body['id'])}/stop`);
    const another = await ask(host, 'POST', '/sandbox', {});
    expect(another).toMatchObject({ status: 200 });
    expect(await ask(host, 'POST', `/sandbox/${String(first?.body['id'])}/start`)).toMatchObject({
      status: 403,
    });
  });

  test('gives a sandbox less memory and disk when that is asked for, and never more than it may', async () => {
    const limits = { ...defaultLimits(), memoryBytes: 2 * gibibyte, diskBytes: 4 * gibibyte };
    const host = await newHost({ limits });
    const projectId = randomUUID();
    const small = { name: `switchyard-${projectId}`, memory: 0.5, disk: 0.25 };
    expect(await ask(host, 'POST', '/sandbox', small)).toMatchObject({
      status: 200,
      body: { memory: 0.5, disk: 0.25 },
    });
    const shown = await runIn(await host.open(projectId), 'ulimit -f; ulimit -d');
    expect(shown).toBe(`${gibibyte / 4 / 1024}\n${(4 * gibibyte) / 2 / 1024}\n`);
    expect(await ask(host, 'POST', '/sandbox', {})).toMatchObject({ body: { memory: 2, disk: 4 } });
    const large = await ask(host, 'POST', '/sandbox', { memory: 3 });
    expect(large).toMatchObject({
      status: 403,
      body: { message: 'Memory request 3GB exceeds maximum allowed per sandbox (2GB).' },
    });
    for (const wrong of [{ memory: -1 }, { disk: 'x' }, { gpu: 1 }, { networkAllowList: '10.0.0.0/8' }]) {
      expect(await ask(host, 'POST', '/sandbox', wrong)).toMatchObject({ status: 400 });
    }
  });

  test('puts a sandbox away only when it is stopped, and remembers that over its own restarts', async () => {
    const folder = await temporaryFolder();
    cleanups.push(folder.remove);
    const first = await startTestHost(folder.path);
    const { body } = await ask(first, 'POST', '/sandbox', {});
    const route = `/sandbox/${String(body['id'])}`;
    expect(await ask(first, 'POST', `${route}/archive`)).toMatchObject({ status: 409 });
    await ask(first, 'POST', `${route}/stop`);
    expect(await ask(first, 'POST', `${route}/archive`)).toMatchObject({ body: { state: 'archived' } });
    await first.close();
    const second = await startTestHost(folder.path);
    cleanups.push(second.close);
    expect(await ask(second, 'GET', route)).toMatchObject({ body: { state: 'archived' } });
    expect(await ask(second, 'POST', `${route}/start`)).toMatchObject({ body: { state: 'started' } });
    await ask(second, 'POST', `${route}/stop`);
    expect(await ask(second, 'GET', route)).toMatchObject({ body: { state: 'stopped' } });
  });
});
