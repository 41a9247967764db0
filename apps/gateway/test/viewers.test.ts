import { createClient } from '@switchyard/client';
import type { Chunk } from '@switchyard/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../src/limits.ts';
import { startStack, type Stack } from './stack.ts';
import { collect, connect, fold, idsOf, wholeLog } from './viewer.ts';
import { startWork } from './worker.ts';

interface Status {
  readonly streams: number;
  readonly followedRuns: number;
  readonly bufferedBytes: number;
}

async function statusOf(stack: Stack): Promise<Status> {
  return (await (await fetch(`${stack.adminUrl}/status`)).json()) as Status;
}

describe('many viewers', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(() => stack.stop());

  test('of one run share its events, and nothing of them stays when they have gone', async () => {
    const { token } = stack.signIn();
    const client = stack.client(token);
    const { run } = await client.startRun({ input: 'Watch me.' });
    const viewers = Array.from({ length: 60 }, () => collect(client.followRun(run.id)));
    await expect
      .poll(async () => await statusOf(stack), { timeout: 20_000 })
      .toMatchObject({ streams: 60, followedRuns: 1 });
    const work = await startWork(stack, run);
    await work.step('One two three four five six seven eight nine ten.');
    await work.finish('finished');
    const expected = wholeLog(1, work.lastOrdinal);
    for (const seen of await Promise.all(viewers)) expect(idsOf(seen)).toEqual(expected);
    await expect
      .poll(async () => await statusOf(stack), { timeout: 20_000 })
      .toMatchObject({ streams: 0, followedRuns: 0, bufferedBytes: 0 });
  });

  test('who come and go at any time each end with the stored message', async () => {
    const { token } = stack.signIn();
    const client = stack.client(token);
    const { run, thread } = await client.startRun({ input: 'Watch me.' });
    const work = await startWork(stack, run);
    /** Joins, takes some events, is cut, and comes back from where it was. */
    async function watchInTwoParts(eventsBeforeCut: number): Promise<Chunk[]> {
      const chunks: Chunk[] = [];
      const first = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
      let last: string | null = null;
      for (let count = 0; count < eventsBeforeCut; count += 1) {
        const frame = await first.next();
        if (!frame || frame.data === '[DONE]') break;
        last = frame.id;
        chunks.push(JSON.parse(frame.data) as Chunk);
      }
      first.close();
      for (const event of await collect(client.followRun(run.id, last === null ? {} : { after: last }))) {
        chunks.push(event.chunk);
      }
      return chunks;
    }
    const viewers: Promise<Chunk[]>[] = [];
    for (let step = 0; step < 6; step += 1) {
      for (let count = 0; count < 6; count += 1) viewers.push(watchInTwoParts(5 + 7 * count + step));
      await work.step(`Step ${step}: ${'lorem ipsum dolor sit amet '.repeat(8)}`);
    }
    await work.finish('finished');
    const stored = (await client.messages(thread.id)).messages.at(-1);
    for (const chunks of await Promise.all(viewers)) {
      expect(chunks).toHaveLength(work.lastOrdinal);
      expect(await fold(chunks)).toEqual(stored);
    }
  });

  test('a viewer who takes nothing is bounded in bytes, harms nobody, and catches up in order', async () => {
    const { token } = stack.signIn();
    const client = stack.client(token);
    const { run } = await client.startRun({ input: 'Flood.' });
    // All of it stays in the log; one that is trimmed under a slow viewer is another story.
    const work = await startWork(stack, run, { maxBytes: 64 * 1024 * 1024 });
    const slow = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
    expect((await slow.next())?.id).toBe('1-1');
    slow.pause();
    const quick = collect(client.followRun(run.id));

    const text = 'x'.repeat(64 * 1024);
    await work.append([{ type: 'start-step' }, { type: 'text-start', id: 'flood' }]);
    let mostBuffered = 0;
    for (let count = 0; count < 400; count += 1) {
      await work.append([{ type: 'text-delta', id: 'flood', delta: `${count} ${text}` }]);
      if (count % 20 === 0) mostBuffered = Math.max(mostBuffered, (await statusOf(stack)).bufferedBytes);
    }
    await work.append([{ type: 'text-end', id: 'flood' }, { type: 'finish-step' }]);
    await work.finish('finished', { isSilent: false });
    const expected = wholeLog(1, work.lastOrdinal);
    expect(idsOf(await quick)).toEqual(expected);
    // 26 MB went by; what waits for one viewer is the bound and the one page that crossed it.
    mostBuffered = Math.max(mostBuffered, (await statusOf(stack)).bufferedBytes);
    expect(mostBuffered).toBeGreaterThan(limits.stream.viewerBufferBytes);
    expect(mostBuffered).toBeLessThan(limits.stream.viewerBufferBytes + 10 * limits.stream.pageBytes);

    slow.resume();
    const ids = ['1-1'];
    for (let frame = await slow.next(); frame && frame.data !== '[DONE]'; frame = await slow.next()) {
      ids.push(frame.id ?? 'none');
    }
    expect(ids).toEqual(expected);
  });
});

describe('a gateway that stops', () => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack();
  });
  afterEach(async () => {
    await stack.stop();
  });

  test('cuts its streams with retry:, never with a clean end, and refuses new connections', async () => {
    const { token } = stack.signIn();
    const { run } = await stack.client(token).startRun({ input: 'Go on without me.' });
    const work = await startWork(stack, run);
    await work.step('Before the deploy.');
    const connection = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
    for (
      let frame = await connection.next();
      frame?.id !== `1-${work.lastOrdinal}`;
      frame = await connection.next()
    );
    await stack.drain();
    await expect(connection.next()).rejects.toThrow('The connection was cut.');
    expect(connection.text).toMatch(/\n\nretry: \d+\n\n$/);
    await expect(fetch(`${stack.url}/livez`)).rejects.toThrow('fetch failed');
    await work.finish('finished');
  });

  test('lets a request end that is under way', async () => {
    const { token } = stack.signIn();
    const { run } = await stack.client(token).startRun({ input: 'Wait.' });
    const waiting = stack.client(token).getRun(run.id, { waitMs: 700 });
    await vi.waitFor(async () => expect((await statusOf(stack)).followedRuns).toBe(1));
    await stack.drain();
    expect((await waiting).run.id).toBe(run.id);
  });

  test('loses nothing for a client that finds another one', async () => {
    const { token } = stack.signIn();
    const { run, thread } = await stack.client(token).startRun({ input: 'Survive the deploy.' });
    const other = await stack.startAnother();
    let origin = stack.url;
    // What a load balancer does: the same address, another machine.
    const client = createClient({
      url: stack.url,
      token,
      fetch: (input, init) => fetch((input as string).replace(stack.url, origin), init),
    });
    const viewer = collect(client.followRun(run.id));
    const work = await startWork(stack, run);
    await work.step('Before the deploy.');
    await expect.poll(async () => (await statusOf(stack)).streams).toBe(1);
    origin = other.url;
    await stack.drain();
    await work.step('After the deploy.');
    await work.finish('finished');
    const seen = await viewer;
    expect(idsOf(seen)).toEqual(wholeLog(1, work.lastOrdinal));
    const stored = (await client.messages(thread.id)).messages.at(-1);
    expect(await fold(seen.map(({ chunk }) => chunk))).toEqual(stored);
  });
});
