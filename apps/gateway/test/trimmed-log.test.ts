import { readRunLog } from '@switchyard/bus';
import type { Chunk, Run } from '@switchyard/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
import { createSeen, type Seen } from './seen.ts';
import { startStack, type Stack } from './stack.ts';
import { collect, connect, fold, idsOf, wholeLog } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack();
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

async function newRun(): Promise<Run> {
  return (await stack.client(token).startRun({ input: 'Say much.' })).run;
}

function open(run: Run, lastEventId: string | null = null) {
  return connect(`${stack.url}/v1/runs/${run.id}/stream`, { token, lastEventId });
}

async function baseOf(run: Run): Promise<{ readonly id: string; readonly ordinal: number }> {
  const { meta } = await readRunLog(stack.redis, run.id, { afterOrdinal: 0 });
  const { ordinal } = meta!.base;
  return { ordinal, id: `${meta!.baseEpoch}-${ordinal}` };
}

async function storedMessage(run: Run): Promise<unknown> {
  return (await stack.client(token).messages(run.threadId)).messages.at(-1);
}

const words = 'one two three four five six seven eight nine ten ';

describe('a run whose log was trimmed', () => {
  test('is shown to who comes late from the store up to the base, and from there event by event', async () => {
    const run = await newRun();
    const early = collect(stack.client(token).followRun(run.id));
    const work = await startWork(stack, run, { maxBytes: 40_000 });
    // So many that the recent frames, which a gateway keeps of a run that is followed, do not reach back to the base.
    for (let step = 0; step < 60; step += 1) await work.step(`${step} ${words}`);
    const base = await baseOf(run);
    expect(base.ordinal).toBeGreaterThan(1);

    const late = await open(run);
    const frames = [];
    do frames.push((await late.next())!);
    while (frames.at(-1)?.id === null);
    expect(JSON.parse(frames[0]!.data)).toMatchObject({
      type: 'start',
      messageId: run.messageId,
      messageMetadata: { runId: run.id, status: 'running' },
    });
    expect(JSON.parse(frames.at(-1)!.data)).toEqual({ type: 'finish-step' });
    expect(frames.at(-1)!.id).toBe(base.id);
    expect((await late.next())!.id).toBe(`1-${base.ordinal + 1}`);
    late.close();

    const later = collect(stack.client(token).followRun(run.id));
    await work.step('The end.');
    await work.finish('finished');
    const stored = await storedMessage(run);
    // Who was there from the beginning was served live, and notices nothing.
    expect(idsOf(await early)).toEqual(wholeLog(1, work.lastOrdinal));
    expect(await fold((await early).map(({ chunk }) => chunk))).toEqual(stored);
    const fromBase = wholeLog(1, work.lastOrdinal).slice(base.ordinal - 1);
    expect(idsOf(await later)).toEqual(fromBase);
    expect(await fold((await later).map(({ chunk }) => chunk))).toEqual(stored);
  });

  test('goes on for a cursor at its base or after it, and begins anew for any other', async () => {
    const run = await newRun();
    const work = await startWork(stack, run, { maxBytes: 20_000 });
    for (let step = 0; step < 60; step += 1) await work.step(`${step} ${words}`);
    const { ordinal: base } = await baseOf(run);
    const firstAfter = async (cursor: string) => {
      const connection = await open(run, cursor);
      const frame = (await connection.next())!;
      connection.close();
      return frame.id ?? (JSON.parse(frame.data) as Chunk).type;
    };
    expect(base).toBeGreaterThan(1);
    expect(await firstAfter(`1-${base}`)).toBe(`1-${base + 1}`);
    expect(await firstAfter(`1-${base + 1}`)).toBe(`1-${base + 2}`);
    for (const cursor of [
      `1-${base - 1}`,
      '1-1',
      `2-${base}`,
      `2-${base + 1}`,
      `1-${work.lastOrdinal + 1}`,
    ]) {
      expect(await firstAfter(cursor), cursor).toBe('start');
    }
    await work.finish('finished');
    expect((await open(run, `1-${work.lastOrdinal}`)).status).toBe(204);
  });

  test('cuts off who has fallen below its base, and he comes back to the whole of it', async () => {
    const run = await newRun();
    const work = await startWork(stack, run, { maxBytes: 1024 * 1024 });
    const slow = await open(run);
    const seen = createSeen();
    seen.take((await slow.next())!);
    slow.pause();
    const quick = collect(stack.client(token).followRun(run.id));
    for (let step = 0; step < 24; step += 1) await work.step(`${step} ${'x'.repeat(1024 * 1024)}`);
    expect((await baseOf(run)).ordinal).toBeGreaterThan(100);

    slow.resume();
    const readOn = async () => {
      for (let frame = await slow.next(); frame; frame = await slow.next()) seen.take(frame);
    };
    // Never a clean end, which would look like success.
    await expect(readOn()).rejects.toThrow('The connection was cut.');
    expect(slow.text).toMatch(/retry: \d+\n\n$/);
    expect(seen.begun).toBe(1);
    const back = await open(run, seen.cursor);
    await work.finish('finished');
    for (let frame = await back.next(); frame!.data !== '[DONE]'; frame = await back.next())
      seen.take(frame!);
    expect(seen.begun).toBe(2);
    expect(await seen.fold()).toEqual(await storedMessage(run));
    expect(idsOf(await quick)).toEqual(wholeLog(1, work.lastOrdinal));
  });

  test('is bounded in memory for who comes late and takes nothing, and given whole to who comes with him', async () => {
    const run = await newRun();
    const work = await startWork(stack, run, { maxBytes: 1024 * 1024 });
    for (let step = 0; step < 200; step += 1) await work.step(`${step} ${'x'.repeat(128 * 1024)}`);
    const bufferedBytes = async () => {
      const status = (await (await fetch(`${stack.adminUrl}/status`)).json()) as { bufferedBytes: number };
      return status.bufferedBytes;
    };
    const [idle, quick] = await Promise.all([open(run), open(run)]);
    idle.pause();
    const seen = createSeen();
    for (let count = 0; count < 1001; count += 1) seen.take((await quick.next())!);
    // 26 MB stand before him; what waits is the bound and the one piece that crossed it.
    const { viewerBufferBytes, pageBytes } = limits.stream;
    await expect.poll(bufferedBytes, { timeout: 20_000 }).toBeGreaterThan(viewerBufferBytes);
    expect(await bufferedBytes()).toBeLessThan(viewerBufferBytes + 4 * pageBytes);
    idle.close();
    await work.finish('finished');
    for (let frame = await quick.next(); frame!.data !== '[DONE]'; frame = await quick.next()) {
      seen.take(frame!);
    }
    expect(seen.begun).toBe(1);
    expect(await seen.fold()).toEqual(await storedMessage(run));
  });
});

const step = fc.record({
  lengths: fc.array(fc.nat({ max: 4000 }), { maxLength: 8 }),
  /** Another worker writes it, under a new epoch. */
  isTakenOver: fc.boolean(),
});
const view = fc.record({
  /** How many steps are written when he comes (back). */
  afterStep: fc.nat({ max: 8 }),
  /** After how many frames he is cut. */
  frames: fc.nat({ max: 40 }),
});

test('whatever the cap, the sizes and the cuts: each viewer has every ordinal after his base, and ends with what is stored', async () => {
  let trimmed = 0;
  let rejoined = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 100, max: 60_000 }),
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.array(fc.array(view, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      async (maxBytes, steps, viewers) => {
        const run = await newRun();
        const written = steps.map(() => Promise.withResolvers<void>());

        async function watch(views: (typeof viewers)[number]): Promise<Seen> {
          const seen = createSeen();
          const rest = { afterStep: 0, frames: Infinity };
          for (const { afterStep, frames } of [
            ...views.toSorted((a, b) => a.afterStep - b.afterStep),
            rest,
          ]) {
            await written[afterStep - 1]?.promise;
            // A connection that is cut for him (he fell below the base) is one more to come back from.
            for (let isCut = true; isCut;) {
              isCut = false;
              const connection = await open(run, seen.cursor);
              if (connection.status === 204) return seen;
              try {
                for (let count = 0; count < frames; count += 1) {
                  const frame = await connection.next();
                  if (frame?.data === '[DONE]') return seen;
                  seen.take(frame!);
                }
              } catch (error) {
                if (!(error as Error).message.includes('was cut')) throw error;
                isCut = true;
              } finally {
                connection.close();
              }
            }
          }
          return seen;
        }

        const watching = viewers.map((views) => watch(views));
        let work = await startWork(stack, run, { maxBytes });
        for (const [index, { lengths, isTakenOver }] of steps.entries()) {
          if (isTakenOver) work = await startWork(stack, run, { maxBytes });
          await work.step(lengths.map((length) => 'ä'.repeat(length)).join(' '));
          written[index]?.resolve();
        }
        const base = await baseOf(run);
        if (base.ordinal > 0) trimmed += 1;
        await work.finish('finished');
        const stored = await storedMessage(run);
        for (const seen of await Promise.all(watching)) {
          expect(seen.cursor).toBe(`${work.epoch}-${work.lastOrdinal}`);
          expect(await seen.fold()).toEqual(stored);
          if (seen.begun > 1) rejoined += 1;
        }
      },
    ),
    { numRuns: 40 },
  );
  // Else the property would say nothing of trimmed logs.
  expect(trimmed).toBeGreaterThan(5);
  expect(rejoined).toBeGreaterThan(0);
});
