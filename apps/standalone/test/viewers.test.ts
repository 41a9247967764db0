import { applyChunks, type Client, createClient } from '@switchyard/client';
import type { Chunk } from '@switchyard/protocol';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { foldFrames, isStart } from '../fleet/frames.ts';
import { openBareViewers } from './bare-viewers.ts';
import { expectWhole } from './expect-whole.ts';
import { view, viewReconnecting } from './viewer.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({
    gateways: 2,
    workers: 1,
    // However much is said, it stays one conversation.
    models: 'wide; window=1000000000',
  });
}, 120_000);
afterAll(() => fleet.stop(), 60_000);

async function start(scenario: string, turns: readonly object[]) {
  fleet.services.model.setScenario(scenario, { turns } as never);
  const { run, streamUrl } = await fleet.client.startRun({ input: `[[scenario:${scenario}]]` });
  return { run, streamUrl, at: (url: string | null) => `${url}/v1/runs/${run.id}/stream` };
}

const todo = { toolCall: { name: 'todo', arguments: { todos: [] } } };

describe('two thousand viewers of one run', () => {
  it('each get every event once and in order, from two gateways', async () => {
    const { run, streamUrl, at } = await start('talk', [
      // The first step waits for them all, the second is said at 50 tokens a second.
      { steps: [{ text: 'Sit down. ' }, { delayMs: 15_000 }, todo] },
      { steps: [{ repeat: 'word ', times: 150, delayMs: 20 }] },
    ]);
    const one = viewReconnecting({ url: streamUrl, token: fleet.apiKey, eventsAtOnce: Infinity });
    const urls = fleet.gateways.map(({ url }) => at(url));
    const viewers = openBareViewers({ urls, token: fleet.apiKey, count: 2000 });
    await expect.poll(() => viewers.attached, { timeout: 60_000 }).toBe(2000);
    const lastOrdinals = await viewers.ended;
    const frames = await one;
    await expectWhole(fleet, run, frames);
    expect(new Set(lastOrdinals)).toEqual(new Set([frames.filter(({ id }) => id !== null).length]));
    expect(lastOrdinals).toHaveLength(2000);
  }, 180_000);
});

describe('a gateway whose line to Redis breaks, again and again', () => {
  it('loses nothing for those who stay and those who come meanwhile', async () => {
    const { run } = await start('words', [
      { steps: [{ repeat: 'word ', times: 100, delayMs: 30 }, todo] },
      { steps: [{ repeat: 'more ', times: 100, delayMs: 30 }] },
    ]);
    const [gateway] = fleet.gateways;
    if (!gateway?.url) throw new Error('There is no gateway.');
    const client = createClient({ url: gateway.url, token: fleet.apiKey });
    let newest = 0;
    const note = (ordinal: number) => void (newest = Math.max(newest, ordinal));
    const viewings = Array.from({ length: 20 }, () => watch(client, run.id, note));
    const over = new AbortController();
    const waiting = fleet.client.getRun(run.id, { waitMs: 60_000 }).finally(() => over.abort());
    let cuts = 0;
    while (!over.signal.aborted) {
      gateway.to.redis.cut();
      cuts += 1;
      const seenByThen = newest;
      viewings.push(watch(client, run.id, note));
      // Events come again: the cuts are what is tested, not an outage.
      await vi.waitUntil(() => over.signal.aborted || newest > seenByThen + 5, { timeout: 60_000 });
    }
    await waiting;
    expect(cuts).toBeGreaterThan(5);
    const { messages } = await client.messages(run.threadId);
    const { run: ended } = await client.getRun(run.id);
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered' });
    for (const { ids, chunks } of await Promise.all(viewings)) {
      expect(applyChunks(undefined, chunks)).toEqual(messages.at(-1));
      const first = Number(ids[0]?.split('-')[1]);
      expect(ids).toEqual(ids.map((_, index) => `1-${first + index}`));
      expect(ids.at(-1)).toBe(ended.lastEventId);
    }
  }, 180_000);
});

/** What a client has seen since the last `start`, at the run's end. */
async function watch(
  client: Client,
  runId: string,
  onEvent: (ordinal: number) => void = () => undefined,
): Promise<{ ids: string[]; chunks: Chunk[] }> {
  let ids: string[] = [];
  let chunks: Chunk[] = [];
  for await (const { epoch, ordinal, chunk } of client.followRun(runId)) {
    if (chunk.type === 'start') [ids, chunks] = [[], []];
    if (epoch !== null) {
      ids.push(`${epoch}-${ordinal}`);
      onEvent(ordinal);
    }
    chunks.push(chunk);
  }
  return { ids, chunks };
}

describe('a run that says more than its log may hold', () => {
  it('is whole for who comes late and comes back, and goes on when its worker is killed', async () => {
    const letters = Array.from({ length: 1300 }, (_, index) => `word-${index} `).join('');
    const plan = (step: number) => {
      const todos = [{ text: `Step ${step}`, status: 'done' }];
      return { toolCall: { name: 'todo', arguments: { todos } } };
    };
    const { run, streamUrl } = await start('much', [
      ...Array.from({ length: 9 }, (_, step) => ({ steps: [{ repeat: letters, times: 100 }, plan(step)] })),
      { steps: [{ text: 'Half.' }, { delayMs: 8000 }, todo] },
      { steps: [{ text: 'The end.' }] },
    ]);
    const redis = new Redis(fleet.services.redis.url);
    const baseOf = async () => Number(await redis.hget(`run:{${run.id}}:meta`, 'base'));
    await expect.poll(baseOf, { timeout: 90_000 }).toBeGreaterThan(0);
    await expect.poll(() => fleet.services.model.requests.at(-1)?.turn, { timeout: 90_000 }).toBe(9);
    const [worker] = fleet.workers;
    if (!worker) throw new Error('There is no worker.');
    await Promise.all([fleet.remove(worker, 'SIGKILL'), fleet.addWorker()]);
    const late = view({ url: streamUrl, token: fleet.apiKey });
    const gone = await view({ url: streamUrl, token: fleet.apiKey, lastEventId: '1-3', maxEvents: 5 });
    redis.disconnect();

    const frames = (await late).frames;
    const { messages } = await fleet.client.messages(run.threadId);
    expect((await fleet.client.getRun(run.id)).run).toMatchObject({ status: 'completed' });
    expect(await foldFrames(frames)).toEqual(messages.at(-1));
    // The place of one who saw the beginning is no more: he is shown all of it again.
    expect(gone.frames.filter(isStart)).toHaveLength(1);
    const lastEventId = gone.frames.at(-1)?.id ?? '';
    const rest = await view({ url: streamUrl, token: fleet.apiKey, lastEventId });
    expect(rest.frames.some(isStart)).toBe(false);
    expect(await foldFrames([...gone.frames, ...rest.frames])).toEqual(messages.at(-1));
  }, 240_000);
});
