import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createSandboxes, type Sandboxes } from '@switchyard/sandbox';
import { createSandboxRecords } from '@switchyard/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
import { type SandboxHost, startSandboxHost } from './sandbox-host.ts';
import { startStack, type Stack } from './stack.ts';

/** Of this file's gateway alone: nobody would wait for the true ones. */
const times = { stalledDownloadMs: 3000, sandboxTimeoutMs: 5000 };
/** Far more than fits between the gateway and a client that takes nothing. */
const size = 32 * 1024 * 1024;

let host: SandboxHost;
let stack: Stack;
let sandboxes: Sandboxes;
let url: string;
let token: string;
beforeAll(async () => {
  Object.assign(limits, times);
  host = await startSandboxHost();
  stack = await startStack({
    DAYTONA_API_URL: host.url,
    DAYTONA_API_KEY: host.apiKey,
    LOG_LEVEL: 'warn',
  });
  ({ token } = stack.signIn());
  const { project } = await stack.client(token).projects.create({ name: 'Large files' });
  sandboxes = createSandboxes({
    apiUrl: host.url,
    apiKey: host.apiKey,
    records: createSandboxRecords(stack.sql, { maxRunningPerAccount: 10 }),
  });
  const { signal } = new AbortController();
  const sandbox = await sandboxes.open({ projectId: project.id, sandboxId: null, signal });
  await sandbox.run({ command: `truncate -s ${size} large`, timeoutMs: 20_000, signal });
  url = `${stack.url}/v1/projects/${project.id}/files/content?path=large`;
});
afterAll(async () => {
  await sandboxes?.close();
  await stack?.stop();
  await host?.stop();
});

/** Begins a download and takes nothing of it yet. */
async function beginDownload(): Promise<IncomingMessage> {
  const call = request(url, { agent: false, headers: { authorization: `Bearer ${token}` } }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}

/** Takes it, with a rest after each eighth; gives how much came. */
async function take(response: IncomingMessage, rest: () => unknown): Promise<number> {
  let taken = 0;
  for await (const piece of response) {
    const eighths = Math.floor((taken * 8) / size);
    taken += (piece as Buffer).length;
    if (Math.floor((taken * 8) / size) > eighths) await rest();
  }
  return taken;
}

test('a client who takes nothing of a download is cut off', async () => {
  const response = await beginDownload();
  const cuts = () => stack.logged.filter((line) => line.includes('takes nothing'));
  await expect.poll(cuts, { timeout: 30_000 }).toHaveLength(1);
  await expect(take(response, () => undefined)).rejects.toThrow('aborted');
});

test('a download takes longer than one question to the sandbox may, while its client goes on taking', async () => {
  const began = performance.now();
  // The pace of a slow line.
  const rest = () => once(AbortSignal.timeout(700), 'abort');
  expect(await take(await beginDownload(), rest)).toBe(size);
  expect(performance.now() - began).toBeGreaterThan(times.sandboxTimeoutMs);
});
