import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Chunk } from '@switchyard/protocol';
import {
  connectRedis,
  createRunLogWriter,
  openRunLog,
  readRunLog,
  type Redis,
  RunLogError,
  type RunLogWriter,
} from '../src/index.ts';
import { startFaultyRedis } from './faulty-redis.ts';
import { newId, openingOf, redisUrl, testRedis, textDelta } from './fixtures.ts';

const redis = testRedis();

async function openWriter(
  options: { connection?: Redis; maxWaitingBytes?: number; giveUpMs?: number } = {},
): Promise<{ runId: string; writer: RunLogWriter; failures: RunLogError[] }> {
  const { connection = redis, ...limits } = options;
  const runId = newId();
  await openRunLog(redis, { runId, epoch: 1, opening: openingOf(runId) });
  const failures: RunLogError[] = [];
  const writer = createRunLogWriter({
    redis: connection,
    runId,
    epoch: 1,
    lastOrdinal: 2,
    onFailure: (error) => failures.push(error),
    ...limits,
  });
  return { runId, writer, failures };
}

async function readText(runId: string): Promise<{ text: string; ordinals: number[]; chunks: Chunk[] }> {
  const { events } = await readRunLog(redis, runId, { afterOrdinal: 2 });
  return {
    text: events.map(({ chunk }) => (chunk.type === 'text-delta' ? chunk.delta : '')).join(''),
    ordinals: events.map((event) => event.ordinal),
    chunks: events.map((event) => event.chunk),
  };
}

function countFrom3(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 3 + index);
}

describe('pace', () => {
  test('the first delta after silence goes at once, with the frame before it', async () => {
    const { runId, writer } = await openWriter();
    await writer.write({ type: 'text-start', id: 'text-1' });
    await writer.write(textDelta('first'));
    await expect.poll(async () => (await readText(runId)).text).toBe('first');
    writer.close();
  });

  test('what follows within 20 ms is merged into few entries', async () => {
    const { runId, writer } = await openWriter();
    for (let index = 0; index < 200; index += 1) {
      await writer.write(textDelta('x'));
      await new Promise(setImmediate);
    }
    await writer.flush();
    const { text, ordinals } = await readText(runId);
    expect(text).toBe('x'.repeat(200));
    expect(ordinals.length).toBeLessThan(100);
    expect(ordinals).toEqual(countFrom3(ordinals.length));
    expect(writer.lastOrdinal).toBe(2 + ordinals.length);
    writer.close();
  });

  test('a tool event takes along what waits, in order', async () => {
    const { runId, writer } = await openWriter();
    await writer.write(textDelta('first'));
    await writer.flush();
    await writer.write(textDelta('a'));
    await writer.write(textDelta('b'));
    await writer.write({ type: 'tool-input-start', toolCallId: 'call-1', toolName: 'shell' });
    await expect
      .poll(async () => (await readText(runId)).chunks)
      .toEqual([
        textDelta('first'),
        textDelta('ab'),
        { type: 'tool-input-start', toolCallId: 'call-1', toolName: 'shell' },
      ]);
    writer.close();
  });

  test('a frame alone does not wait for ever', async () => {
    const { runId, writer } = await openWriter();
    await writer.write({ type: 'start-step' });
    await expect.poll(async () => (await readText(runId)).chunks).toEqual([{ type: 'start-step' }]);
    writer.close();
  });
});

test('flush of an idle writer resolves at once', async () => {
  const { writer } = await openWriter();
  await writer.flush();
  expect(writer.lastOrdinal).toBe(2);
  writer.close();
});

test('chunks written by several hands keep the order in which they were written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ letter: fc.constantFrom('a', 'b'), pause: fc.boolean(), flush: fc.boolean() }), {
        minLength: 1,
        maxLength: 40,
      }),
      async (writes) => {
        const { runId, writer } = await openWriter();
        for (const [index, { letter, pause, flush }] of writes.entries()) {
          await writer.write(textDelta(`${index};`, letter));
          if (pause) await new Promise(setImmediate);
          if (flush) await writer.flush();
        }
        await writer.flush();
        const { text, ordinals } = await readText(runId);
        expect(text).toBe(writes.map((_, index) => `${index};`).join(''));
        expect(ordinals).toEqual(countFrom3(ordinals.length));
        writer.close();
      },
    ),
    { numRuns: 30 },
  );
});

describe('faults', () => {
  test('replies that are lost are asked for again, and nothing is there twice', async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const connection = connectRedis(proxy.url);
    const { runId, writer, failures } = await openWriter({ connection });
    let text = '';
    for (let round = 0; round < 5; round += 1) {
      proxy.loseReplies(2);
      for (let index = 0; index < 20; index += 1) {
        text += `${round}.${index} `;
        await writer.write(textDelta(`${round}.${index} `, `part-${index % 3}`));
      }
      await writer.flush();
    }
    const log = await readText(runId);
    expect(proxy.repliesLost).toBeGreaterThan(4);
    expect(log.text).toBe(text);
    expect(log.ordinals).toEqual(countFrom3(log.ordinals.length));
    expect(failures).toEqual([]);
    writer.close();
    connection.disconnect();
  });

  test('while Redis is silent the caller is made to wait, and afterwards all is there', async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const connection = connectRedis(proxy.url);
    const { runId, writer } = await openWriter({ connection, maxWaitingBytes: 5000 });
    await writer.write(textDelta('start '));
    await writer.flush();
    proxy.setFault('refuse');
    let written = 'start ';
    let held: void | Promise<void> = undefined;
    let count = 0;
    while (!(held instanceof Promise) && count < 1000) {
      const text = `${count} `;
      held = writer.write(textDelta(text, `part-${count}`));
      written += text;
      count += 1;
    }
    expect(count).toBeLessThan(1000);
    let isReleased = false;
    const released = Promise.resolve(held).then(() => (isReleased = true));
    expect(isReleased).toBe(false);
    proxy.setFault('pass');
    await released;
    await writer.flush();
    const log = await readText(runId);
    expect(log.text).toBe(written);
    expect(log.ordinals).toEqual(countFrom3(log.ordinals.length));
    writer.close();
    connection.disconnect();
  });

  test('when Redis stays away the writer says so, once, to everybody who waits', async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const connection = connectRedis(proxy.url);
    const { writer, failures } = await openWriter({ connection, giveUpMs: 300, maxWaitingBytes: 1000 });
    proxy.setFault('refuse');
    const isHeld = writer.write(textDelta('x'.repeat(2000)));
    const flushed = writer.flush();
    await expect(flushed).rejects.toMatchObject({ outcome: 'unavailable' });
    await expect(isHeld).rejects.toMatchObject({ outcome: 'unavailable' });
    expect(() => writer.write(textDelta('later'))).toThrow(RunLogError);
    await expect(writer.flush()).rejects.toThrow(RunLogError);
    expect(failures.map((failure) => failure.outcome)).toEqual(['unavailable']);
    connection.disconnect();
  });

  test.for(['lost', 'gone', 'hole'] as const)('a log that answers "%s" stops the writer', async (outcome) => {
    const { runId, writer, failures } = await openWriter();
    await writer.write(textDelta('fine'));
    await writer.flush();
    if (outcome === 'lost') await openRunLog(redis, { runId, epoch: 2, opening: [] });
    if (outcome === 'gone') await redis.del(`run:{${runId}}:log`, `run:{${runId}}:meta`);
    if (outcome === 'hole') await redis.hset(`run:{${runId}}:meta`, 'top', 2);
    const isHeld = writer.write(textDelta('not fine'));
    await expect(writer.flush()).rejects.toMatchObject({ name: 'RunLogError', outcome });
    expect(isHeld).toBeUndefined();
    expect(failures.map((failure) => failure.outcome)).toEqual([outcome]);
    // What it tried to write counts as assigned: a viewer may have seen it.
    expect(writer.lastOrdinal).toBe(4);
    writer.close();
  });

  test('close drops what waits, ends every wait and is not a failure', async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const connection = connectRedis(proxy.url);
    const { writer, failures } = await openWriter({ connection });
    proxy.setFault('swallow');
    await writer.write(textDelta('never'));
    const flushed = writer.flush();
    writer.close();
    await expect(flushed).rejects.toMatchObject({ outcome: 'closed' });
    expect(() => writer.write(textDelta('later'))).toThrow(RunLogError);
    expect(failures).toEqual([]);
    connection.disconnect();
  });
});
