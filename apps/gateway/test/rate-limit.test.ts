import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { findFreePort } from '@switchyard/stand-ins';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

const writes = 6;
let stack: Stack;
const children: ChildProcess[] = [];
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  for (const child of children) {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
  await stack.stop();
});

/** A gateway as a process of its own; resolves with its url when it says that it is ready. */
async function startProcess(environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../src/main.ts', import.meta.url))], {
    env: {
      ...stack.environment,
      LOG_LEVEL: 'info',
      RATE_LIMIT_WRITES: String(writes),
      RATE_LIMIT_WINDOW_S: '60',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as { msg: string; url: string };
    if (entry.msg === 'ready') {
      child.stdout.resume();
      return entry.url;
    }
  }
  throw new Error('The gateway ended before it was ready.');
}

function write(url: string, token: string): Promise<Response> {
  return fetch(`${url}/v1/projects`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
}

test('the limit on writing counts over two gateway processes, says what is left, and spares readers and others', async () => {
  const urls = await Promise.all([startProcess(), startProcess()]);
  const { token } = stack.signIn();
  const left: number[] = [];
  for (let sent = 0; sent < writes; sent += 1) {
    const response = await write(urls[sent % 2]!, token);
    expect(response.status).toBe(201);
    expect(response.headers.get('ratelimit-policy')).toBe(`"writes";q=${writes};w=60`);
    left.push(Number(/^"writes";r=(\d+);t=\d+$/.exec(response.headers.get('ratelimit') ?? '')?.[1]));
  }
  expect(left).toEqual([5, 4, 3, 2, 1, 0]);

  for (const url of urls) {
    const refused = await write(url, token);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/^"writes";r=0;t=\d+$/);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    const read = await fetch(`${url}/v1/projects`, { headers: { authorization: `Bearer ${token}` } });
    expect(((await read.json()) as { projects: unknown[] }).projects).toHaveLength(writes);
    expect((await write(url, stack.signIn().token)).status).toBe(201);
  }
  // Every writing route counts, whatever becomes of the request.
  for (const path of ['runs', 'threads', 'runs/x/cancel', 'nothing']) {
    const response = await fetch(`${urls[0]}/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(429);
  }
});

test('a process stops within its drain time on SIGTERM and ends with 0', async () => {
  await startProcess();
  const child = children.at(-1)!;
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
});

test('without Redis writing is 503 with Retry-After, and reading goes on', async () => {
  const port = await findFreePort();
  const alone = await startStack({ REDIS_URL: `redis://127.0.0.1:${port}` });
  const { token } = alone.signIn();
  const refused = await write(alone.url, token);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await refused.json()).toMatchObject({ code: 'unavailable' });
  const read = await fetch(`${alone.url}/v1/projects`, { headers: { authorization: `Bearer ${token}` } });
  expect(await read.json()).toEqual({ projects: [], nextBefore: null });
  const ready = await fetch(`${alone.adminUrl}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ checks: { postgres: 'ok' } });
  await alone.stop();
});
