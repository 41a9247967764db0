import { expect, onTestFinished, test } from 'vitest';
import { type Readiness, startAdminServer } from '../src/index.ts';

async function serve(readiness: () => Promise<Readiness>) {
  const server = await startAdminServer({
    port: 0,
    readiness,
    status: () => Promise.resolve({ activeRuns: 3 }),
  });
  onTestFinished(() => server.close());
  return async (path: string) => {
    const response = await fetch(server.url + path, { signal: AbortSignal.timeout(5000) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
}

test('readyz is 200 when everything is ok and 503 with the reason when one thing is not', async () => {
  const checks: Record<string, string> = { postgres: 'ok', redis: 'ok' };
  const get = await serve(() => Promise.resolve(checks));
  expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ok', checks } });
  checks['redis'] = 'no answer';
  expect(await get('/readyz')).toMatchObject({ status: 503, body: { checks: { redis: 'no answer' } } });
});

test('a check that throws makes the process not ready, not dead', async () => {
  const get = await serve(() => Promise.reject(new Error('refused')));
  expect(await get('/readyz')).toMatchObject({ status: 503, body: { detail: 'refused' } });
  expect((await get('/livez')).status).toBe(200);
});

test('status is what the process gives, other paths are 404', async () => {
  const get = await serve(() => Promise.resolve({}));
  expect(await get('/status?x=1')).toEqual({ status: 200, body: { activeRuns: 3 } });
  expect((await get('/metrics')).status).toBe(404);
});

test('it binds loopback and its port is free again after close', async () => {
  const options = { readiness: () => Promise.resolve({}), status: () => Promise.resolve({}) };
  const first = await startAdminServer({ port: 0, ...options });
  expect(new URL(first.url).hostname).toBe('127.0.0.1');
  await first.close();
  const second = await startAdminServer({ port: Number(new URL(first.url).port), ...options });
  await second.close();
});
