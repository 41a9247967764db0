import { applyChunks, type Client } from '@switchyard/client';
import type { Chunk, Run } from '@switchyard/protocol';
import { describe, expect, it, type TestContext } from 'vitest';
import { Redis } from 'ioredis';
import { createCommandSplitter } from '../fleet/commands.ts';
import { type Fleet, startFleet } from '../fleet/fleet.ts';

/**
 * What happens while a service is away. Each test stops the service itself and has a fleet of its own; the workers are the
 * same processes before and after.
 */
const outageMs = 30_000;

async function newFleet(context: TestContext): Promise<Fleet> {
  const fleet = await startFleet({ gateways: 1, workers: 1 });
  context.onTestFinished(() => fleet.stop());
  return fleet;
}

interface Watch {
  readonly chunks: readonly Chunk[];
  readonly ordinals: readonly number[];
  /** Resolves at the run's last chunk. */
  readonly ended: Promise<void>;
}

function watch(client: Client, runId: string): Watch {
  const chunks: Chunk[] = [];
  const ordinals: number[] = [];
  async function follow(): Promise<void> {
    for await (const event of client.followRun(runId)) {
      chunks.push(event.chunk);
      if (event.ordinal !== null) ordinals.push(event.ordinal);
    }
  }
  return { chunks, ordinals, ended: follow() };
}

async function start(fleet: Fleet, name: string, turns: readonly object[]): Promise<Run> {
  fleet.services.model.setScenario(name, { turns } as never);
  return (await fleet.client.startRun({ input: `[[scenario:${name}]]` })).run;
}

/** The run's end, and a look that who watched it has what is stored. */
async function expectSeen(fleet: Fleet, run: Run, seen: Watch): Promise<Run> {
  await seen.ended;
  const { messages } = await fleet.client.messages(run.threadId);
  const from = seen.chunks.findLastIndex(({ type }) => type === 'start');
  expect(applyChunks(undefined, seen.chunks.slice(from))).toEqual(messages.at(-1));
  return (await fleet.client.getRun(run.id)).run;
}

const words = (times: number) => ({ steps: [{ repeat: 'word ', times, delayMs: 50 }] });
/** How long a service is away is what these tests are about: nothing happens meanwhile that could be waited for. */
const wait = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms));

describe.concurrent('while a service is away', () => {
  it('Redis stopped: the run is let go, taken up again and ends; its viewers miss nothing', async (context) => {
    const fleet = await newFleet(context);
    const pids = fleet.workers.map(({ pid }) => pid);
    const run = await start(fleet, 'words', [words(100)]);
    const seen = watch(fleet.client, run.id);
    await context.expect.poll(() => seen.ordinals.length, { timeout: 20_000 }).toBeGreaterThan(10);
    await fleet.services.redis.stop();
    await wait(outageMs);
    // What cannot be limited and cannot be queued is refused with the time to try again.
    await expect(fleet.client.startRun({ input: 'now' })).rejects.toMatchObject({ code: 'unavailable' });
    expect((await fleet.client.getRun(run.id)).run.endedAt).toBeNull();
    await fleet.services.redis.start();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({ status: 'completed', reason: 'answered' });
    expect(seen.ordinals).toEqual(seen.ordinals.map((_, index) => index + 1));
    const next = await start(fleet, 'after', [words(1)]);
    expect((await fleet.client.getRun(next.id, { waitMs: 30_000 })).run.status).toBe('completed');
    expect(fleet.workers.filter(({ isRunning }) => isRunning()).map(({ pid }) => pid)).toEqual(pids);
  }, 180_000);

  it('Redis flushed: runs go on, viewers get what they had and the rest, queued runs get their jobs again', async (context) => {
    const fleet = await newFleet(context);
    const run = await start(fleet, 'words', [
      { steps: [{ toolCall: { name: 'todo', arguments: { todos: [] } } }] },
      words(160),
    ]);
    const seen = watch(fleet.client, run.id);
    await context.expect.poll(() => seen.ordinals.length, { timeout: 20_000 }).toBeGreaterThan(30);
    // Behind it in its thread, and one whose job the flush takes.
    const redis = new Redis(fleet.services.redis.url);
    for (const worker of fleet.workers) worker.to.redis.hush();
    const queued = await start(fleet, 'queued', [words(1)]);
    await redis.flushall();
    redis.disconnect();
    for (const worker of fleet.workers) worker.to.redis.carryOn();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({ status: 'completed', reason: 'answered' });
    // One client sees each event once, whatever became of the log; the step that had ended is not asked for again.
    expect(seen.ordinals).toEqual([...new Set(seen.ordinals)].toSorted((left, right) => left - right));
    expect(fleet.services.model.requests.filter(({ turn }) => turn === 0)).toHaveLength(1);
    const [stored] = await fleet.services.sql`select crashes from runs where id = ${run.id}`;
    expect(stored).toEqual({ crashes: 0 });
    expect((await fleet.client.getRun(queued.id, { waitMs: 60_000 })).run.status).toBe('completed');
  }, 180_000);

  it('Postgres stopped: reads and starts are refused for a while, the run waits for it and ends', async (context) => {
    const fleet = await newFleet(context);
    const run = await start(fleet, 'words', [
      {
        steps: [
          { repeat: 'word ', times: 20, delayMs: 50 },
          { toolCall: { name: 'todo', arguments: { todos: [] } } },
        ],
      },
      words(20),
    ]);
    const seen = watch(fleet.client, run.id);
    await context.expect.poll(() => seen.ordinals.length, { timeout: 20_000 }).toBeGreaterThan(5);
    await fleet.services.postgres.kill();
    await wait(outageMs);
    await expect(fleet.client.getRun(run.id)).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    await fleet.services.postgres.start();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({ status: 'completed', reason: 'answered' });
    expect(seen.ordinals).toEqual(seen.ordinals.map((_, index) => index + 1));
    // The step that had ended before is not asked for again.
    expect(fleet.services.model.requests.filter(({ turn }) => turn === 0)).toHaveLength(1);
  }, 180_000);

  it('Postgres away while a sandbox is made: the call waits for it, and runs', async (context) => {
    const fleet = await startFleet({ gateways: 1, workers: 0 });
    context.onTestFinished(() => fleet.stop());
    const made = Promise.withResolvers<void>();
    const worker = await fleet.addWorker({
      taps: {
        sandboxes: {
          connect() {
            const split = createCommandSplitter('http');
            return (bytes) => {
              const commands = split(bytes);
              if (commands.some(({ label }) => label === 'POST /sandbox')) {
                worker.to.postgres.close();
                made.resolve();
              }
              return commands.map((command) => ({ bytes: command.bytes, fate: 'pass' }));
            };
          },
        },
      },
    });
    const call = { toolCall: { name: 'shell', arguments: { command: 'echo made' } } };
    const run = await start(fleet, 'first-call', [{ steps: [call] }, words(1)]);
    const seen = watch(fleet.client, run.id);
    await made.promise;
    await wait(3000);
    worker.to.postgres.carryOn();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({ status: 'completed', reason: 'answered' });
    const results = seen.chunks.filter(({ type }) => type.startsWith('tool-output'));
    expect(results).toMatchObject([{ output: { exitCode: 0, output: 'made\n' } }]);
  }, 180_000);

  it('the sandbox host killed: the command goes on meanwhile, and its whole output is the result', async (context) => {
    const fleet = await newFleet(context);
    const command = 'echo once >> marker.txt; echo marked; sleep 15; cat marker.txt';
    const run = await start(fleet, 'command', [
      { steps: [{ toolCall: { name: 'shell', arguments: { command } } }] },
      words(1),
    ]);
    const seen = watch(fleet.client, run.id);
    const output = () => JSON.stringify(seen.chunks);
    await context.expect.poll(output, { timeout: 30_000 }).toContain('marked');
    await fleet.services.sandboxHost.kill();
    await fleet.services.sandboxHost.start();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({ status: 'completed', reason: 'answered' });
    const results = seen.chunks.filter(({ type }) => type.startsWith('tool-output'));
    expect(results).toMatchObject([{ output: { exitCode: 0, output: 'marked\nonce\n' } }]);
  }, 180_000);

  it('the model gone: the run fails and says why, and is never completed', async (context) => {
    const fleet = await newFleet(context);
    const run = await start(fleet, 'words', [words(200)]);
    const seen = watch(fleet.client, run.id);
    await context.expect.poll(() => seen.ordinals.length, { timeout: 20_000 }).toBeGreaterThan(5);
    await fleet.services.model.stop();
    expect(await expectSeen(fleet, run, seen)).toMatchObject({
      status: 'failed',
      reason: 'model-error',
      error: { code: 'model_failed' },
    });
    expect(seen.chunks.at(-1)).toMatchObject({ type: 'error' });
  }, 180_000);
});
