import { afterEach, expect, test } from 'vitest';
import { createRunQueue, type RunJob, startRunWorker } from '../src/index.ts';
import { type FaultyRedis, startFaultyRedis } from './faulty-redis.ts';
import { newId, redisUrl } from './fixtures.ts';

const stillMs = 1200;
/** What a fetch waits with: a job that comes while it hangs is not seen. */
const wait = /\r\nbzpopmin\r\n/i;
/** The script that takes a job: its text, or by its name the key that no other has. */
const take = /KEYS\[6\] rate limiter key|:limiter\r\n/;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A worker of two slots behind a proxy that lets go of no job by itself, and a queue on a line of its own. */
async function startWorker() {
  const proxy: FaultyRedis = await startFaultyRedis(redisUrl());
  const queueName = newId();
  const queue = createRunQueue({ redisUrl: redisUrl(), queueName });
  const jobs: (RunJob & { finish(): void })[] = [];
  const said: string[] = [];
  const stuck: string[] = [];
  const worker = startRunWorker({
    redisUrl: proxy.url,
    queueName,
    concurrency: 2,
    stillMs,
    async execute(job) {
      const { promise, resolve } = Promise.withResolvers<void>();
      jobs.push({ ...job, finish: resolve });
      await promise;
      return 'done';
    },
    onError: ({ message }) => said.push(message),
    onStuck: ({ message }) => stuck.push(message),
  });
  closers.push(
    () => worker.close({ drainMs: 0 }),
    () => queue.close(),
  );
  const add = async () => {
    const runId = newId();
    await queue.add({ runId, wakeup: 1, priority: 1 });
    return runId;
  };
  return { proxy, queue, worker, jobs, said, stuck, add };
}

test('a client that no longer sees jobs is made anew, and the jobs that run go on', async () => {
  const { proxy, queue, worker, jobs, said, stuck, add } = await startWorker();
  const first = await add();
  await expect.poll(() => jobs.map(({ runId }) => runId)).toEqual([first]);
  proxy.swallowCommands(wait);
  // The fetch that waits on the line already would still be told of a job.
  await expect.poll(() => proxy.swallowedCount, { timeout: 20_000 }).toBeGreaterThan(0);
  const second = await add();
  await expect.poll(() => jobs.map(({ runId }) => runId), { timeout: 20_000 }).toEqual([first, second]);
  expect(said.join()).toContain('made anew');
  expect(worker.activeCount()).toBe(2);
  // The job of the client that hung counts as before, and leaves its place to the new one when it ends.
  const third = await add();
  await expect.poll(() => queue.counts()).toMatchObject({ waiting: 1, active: 2 });
  expect(jobs).toHaveLength(2);
  jobs.find(({ runId }) => runId === first)?.finish();
  await expect
    .poll(() => jobs.map(({ runId }) => runId), { timeout: 20_000 })
    .toEqual([first, second, third]);
  for (const job of jobs) job.finish();
  await expect.poll(() => queue.counts(), { timeout: 20_000 }).toEqual({ waiting: 0, active: 0, delayed: 0 });
  expect(jobs.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  expect(stuck).toEqual([]);
}, 60_000);

test('when the new client takes none either, whoever runs the worker is told to end it', async () => {
  const { proxy, jobs, stuck, add } = await startWorker();
  proxy.swallowCommands(take);
  await add();
  await expect.poll(() => stuck, { timeout: 20_000 }).toEqual(['Jobs wait, and no client takes them.']);
  expect(jobs).toEqual([]);
}, 60_000);

test('a worker without a free slot, or without jobs, is left alone', async () => {
  const { jobs, said, stuck, add, queue } = await startWorker();
  await Promise.all([add(), add(), add()]);
  await expect.poll(() => jobs.length).toBe(2);
  const startedAt = performance.now();
  await expect.poll(() => performance.now() - startedAt, { timeout: 20_000 }).toBeGreaterThan(3 * stillMs);
  expect(await queue.counts()).toMatchObject({ waiting: 1, active: 2 });
  jobs[0]?.finish();
  await expect.poll(() => jobs.length).toBe(3);
  for (const job of jobs) job.finish();
  await expect.poll(() => performance.now() - startedAt, { timeout: 20_000 }).toBeGreaterThan(6 * stillMs);
  expect([...said, ...stuck]).toEqual([]);
}, 60_000);
