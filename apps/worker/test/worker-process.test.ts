import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createRunQueue, type RunQueue } from '@switchyard/bus';
import { readRun, type StartedRun } from '@switchyard/store';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { foldMessage } from '@switchyard/agent/test';
import { createTestDatabase, type TestDatabase } from '@switchyard/store/test';
import { chunksOfLog, type Harness, startHarness, storedMessage } from './harness.ts';

/** The worker as it is deployed: its own process, the real queue. */
interface WorkerProcess {
  readonly child: ChildProcess;
  readonly adminUrl: string;
  readonly lines: string[];
}

const main = path.join(import.meta.dirname, '../src/main.ts');
let harness: Harness;
let queue: RunQueue;
/** A number of its own on the shared server: the deployed queue has one name only. */
let redisUrl: string;
let database: TestDatabase;
const children: ChildProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  redisUrl = new URL('/7', inject('redisUrl')).href;
  harness = await startHarness([], { database, redisUrl });
  queue = createRunQueue({ redisUrl });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await queue.close();
  await harness.stop();
});

async function startProcess(environment: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      SUPABASE_URL: 'http://127.0.0.1:1',
      SUPABASE_SECRET_KEY: 'none',
      SCRIPTED_MODEL_URL: harness.model.url,
      DRAIN_MS: '500',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once('exit', () => reject(new Error(`the worker ended: ${lines.join('\n')}`)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    const entry = JSON.parse(line) as { msg?: string; adminUrl?: string };
    if (entry.msg === 'ready' && entry.adminUrl) resolve(entry.adminUrl);
  });
  return { child, adminUrl: await promise, lines };
}

async function add({ run, wakeup, priority }: StartedRun): Promise<void> {
  await queue.add({ runId: run.id, wakeup, priority });
}

async function ended({ run }: StartedRun) {
  return await vi.waitFor(
    async () => {
      const row = await readRun(harness.sql, harness.actor, run.id);
      expect(row.endedAt).not.toBeNull();
      return row;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function askedTimes(count: number): Promise<void> {
  await vi.waitFor(() => expect(harness.model.requests.length).toBeGreaterThanOrEqual(count), {
    timeout: 10_000,
  });
}

describe('the worker process', () => {
  it('takes a job, ends the run, and says so on its private port', async () => {
    const { adminUrl } = await startProcess();
    const started = await harness.start({ turns: [{ steps: [{ text: 'hello' }] }] });
    await add(started);
    expect(await ended(started)).toMatchObject({ status: 'completed', reason: 'answered' });
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${adminUrl}/status`)).json()).toMatchObject({
      activeRuns: 0,
      models: ['scripted:demo'],
    });
  });

  it('that is killed in mid-answer is replaced by another, and the run goes on', async () => {
    const first = await startProcess();
    const faults = [{ kind: 'stall', afterChunks: 1, times: 1 } as const];
    const started = await harness.start({ turns: [{ steps: [{ text: ['one ', 'two'] }], faults }] });
    const asked = harness.model.requests.length;
    await add(started);
    await askedTimes(asked + 1);
    await startProcess();
    first.child.kill('SIGKILL');
    const run = await ended(started);
    expect(run).toMatchObject({ status: 'completed', reason: 'answered' });
    await vi.waitFor(async () => {
      expect(await foldMessage(await chunksOfLog(harness.redis, run.id))).toEqual(
        await storedMessage(harness, run),
      );
    });
  });

  it('that is told to stop hands its run over and exits with 0', async () => {
    const first = await startProcess();
    const faults = [{ kind: 'stall', afterChunks: 1, times: 1 } as const];
    const started = await harness.start({ turns: [{ steps: [{ text: ['one ', 'two'] }], faults }] });
    const asked = harness.model.requests.length;
    await add(started);
    await askedTimes(asked + 1);
    first.child.kill('SIGTERM');
    const [code] = (await once(first.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ status: 'queued' });
    await startProcess();
    expect(await ended(started)).toMatchObject({ status: 'completed', reason: 'answered' });
  });

  it('refuses the scripted model in production, and names every fault at once', async () => {
    const child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], ENVIRONMENT: 'production', SCRIPTED_MODEL_URL: 'http://127.0.0.1:1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await once(child, 'close');
    expect(output).toMatch(/DATABASE_URL: is not set/);
    expect(output).toMatch(/REDIS_URL: is not set/);
  });
});
