import { expireRunLog, readRunLog } from '@switchyard/bus';
import type { Chunk, Run } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
import { createSeen } from './seen.ts';
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

test('a log that expires under a viewer who is still reading it is no end to him: he comes back to the stored run', async () => {
  const run = await newRun();
  const work = await startWork(stack, run, { maxBytes: 64 * 1024 * 1024 });
  const slow = await open(run);
  const seen = createSeen();
  seen.take((await slow.next())!);
  slow.pause();
  for (let step = 0; step < 24; step += 1) await work.step(`${step} ${'x'.repeat(1024 * 1024)}`);
  const { lastEventId } = await work.finish('finished');
  await expireRunLog(stack.redis, run.id, 1);
  await expect.poll(() => stack.redis.exists(`run:{${run.id}}:meta`)).toBe(0);

  slow.resume();
  const readOn = async () => {
    for (let frame = await slow.next(); frame; frame = await slow.next()) seen.take(frame);
  };
  await expect(readOn()).rejects.toThrow('The connection was cut.');
  expect(seen.cursor).not.toBe(lastEventId);
  const back = await open(run, seen.cursor);
  for (let frame = await back.next(); frame!.data !== '[DONE]'; frame = await back.next()) seen.take(frame!);
  expect(seen.begun).toBe(2);
  expect(seen.ids).toEqual([lastEventId]);
  expect(await seen.fold()).toEqual(await storedMessage(run));
});
