import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fetchRedis, findFreePort, findRedis, type RedisProgram, startRedis } from '@switchyard/stand-ins';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startStack } from './stack.ts';
import { collect, connect, fold, idsOf, wholeLog } from './viewer.ts';
import { startWork } from './worker.ts';

let program: RedisProgram;
let dataDir: string;
beforeAll(async () => {
  const cacheDir = path.join(import.meta.dirname, '../../../.cache');
  program =
    (await findRedis(process.env['PATH'] ?? '')) ?? (await fetchRedis({ cacheDir, log: () => undefined }));
  dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-redis-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

test('viewers outlive a restart of Redis: nothing is lost, nothing comes twice', async () => {
  const port = await findFreePort();
  let redis = await startRedis({ program, dataDir, port });
  const stack = await startStack({ REDIS_URL: redis.url });
  const { token } = stack.signIn();
  const client = stack.client(token);
  const { run, thread } = await client.startRun({ input: 'Hold on.' });
  const work = await startWork(stack, run);
  await work.step('Before.');
  const viewer = collect(client.followRun(run.id));
  const connection = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
  for (
    let frame = await connection.next();
    frame?.id !== `1-${work.lastOrdinal}`;
    frame = await connection.next()
  );

  await redis.stop();
  await vi.waitFor(async () => {
    const refused = await fetch(`${stack.url}/v1/runs/${run.id}/stream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  });
  expect((await client.getRun(run.id)).run.status).toBe('running');

  redis = await startRedis({ program, dataDir, port });
  await vi.waitFor(() => expect(stack.redis.status).toBe('ready'), { timeout: 10_000 });
  await work.step('After.');
  await work.finish('finished');
  expect(idsOf(await viewer)).toEqual(wholeLog(1, work.lastOrdinal));
  const ids = [];
  for (let frame = await connection.next(); frame && frame.data !== '[DONE]'; frame = await connection.next())
    ids.push(frame.id);
  expect(ids.at(-1)).toBe(`1-${work.lastOrdinal}`);
  expect(new Set(ids).size).toBe(ids.length);

  await redis.stop();
  await vi.waitFor(async () => {
    // An ended run is served from the store alone.
    const late = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
    expect(late.status).toBe(200);
    const chunks = [];
    for (let frame = await late.next(); frame && frame.data !== '[DONE]'; frame = await late.next()) {
      chunks.push(JSON.parse(frame.data));
    }
    expect(await fold(chunks)).toEqual((await client.messages(thread.id)).messages.at(-1));
  });
  await stack.stop();
});

test('a queue that does not take the run after the commit is no failure', async () => {
  const redis = await startRedis({ program, isThrowAway: true });
  const stack = await startStack({ REDIS_URL: redis.url });
  // A key of the wrong type: the queue's own script fails while the limit on writing goes on counting.
  await stack.redis.set('{switchyard}:runs:prioritized', 'not a queue');
  const client = stack.client(stack.signIn().token);
  const { run } = await client.startRun({ input: 'Stored all the same.' });
  expect(run.status).toBe('queued');
  expect((await client.getRun(run.id)).queue).toEqual({ position: null });
  await stack.stop();
  await redis.stop();
});

test('without Postgres a request is 503 with Retry-After', async () => {
  const stack = await startStack({
    DATABASE_URL: `postgres://nobody@127.0.0.1:${await findFreePort()}/none`,
  });
  const response = await fetch(`${stack.url}/v1/projects`, {
    headers: { authorization: `Bearer ${stack.signIn().token}` },
  });
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  const problem = await response.text();
  expect(problem).toContain('"code":"unavailable"');
  expect(problem).not.toContain('127.0.0.1');
  await stack.stop();
});
