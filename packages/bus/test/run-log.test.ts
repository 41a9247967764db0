import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Chunk } from '@switchyard/protocol';
import { appendRunLog, expireRunLog, openRunLog, type OpenOutcome, readRunLog } from '../src/index.ts';
import { connectRedis } from '../src/index.ts';
import { describeLog, newId, openingOf, redisUrl, testRedis, textDelta } from './fixtures.ts';

const redis = testRedis();
const keysOf = (runId: string) => [`run:{${runId}}:log`, `run:{${runId}}:meta`] as const;

async function openedRun(epoch = 1): Promise<string> {
  const runId = newId();
  await openRunLog(redis, { runId, epoch, opening: openingOf(runId) });
  return runId;
}

function append(runId: string, epoch: number, firstOrdinal: number, chunks: readonly Chunk[]) {
  return appendRunLog(redis, { runId, epoch, firstOrdinal, chunks });
}

describe('opening', () => {
  test('the first open appends the opening, and only the first', async () => {
    const runId = newId();
    const request = { runId, epoch: 1, opening: openingOf(runId) };
    const first = await openRunLog(redis, request);
    expect(first).toEqual({
      outcome: 'opened',
      lastOrdinal: 2,
      closedSteps: 0,
      isInStep: false,
      isNew: true,
      base: { ordinal: 0, storedSteps: 0, inStep: false },
    });
    expect(await openRunLog(redis, request)).toEqual(first);
    expect(await openRunLog(redis, { ...request, epoch: 2 })).toEqual({ ...first, isNew: false });
    expect(await describeLog(redis, runId)).toEqual(['1-1:start', '1-2:data-run']);
  });

  test('concurrent opens of the first epoch append the opening once', async () => {
    const runId = newId();
    const opens = await Promise.all(
      Array.from({ length: 5 }, () => openRunLog(redis, { runId, epoch: 1, opening: openingOf(runId) })),
    );
    expect(opens.map((open) => open.outcome)).toEqual(Array(5).fill('opened'));
    expect(await describeLog(redis, runId)).toHaveLength(2);
  });

  test('a lower epoch is lost', async () => {
    const runId = await openedRun(1);
    await openRunLog(redis, { runId, epoch: 3, opening: openingOf(runId) });
    const zombie = await openRunLog(redis, { runId, epoch: 2, opening: openingOf(runId) });
    expect(zombie).toEqual({ outcome: 'lost' });
  });

  test('it says how many steps were closed and whether one is open', async () => {
    const runId = await openedRun();
    await append(runId, 1, 3, [{ type: 'start-step' }, textDelta('a'), { type: 'finish-step' }]);
    await append(runId, 1, 6, [{ type: 'start-step' }, textDelta('b')]);
    expect(await openRunLog(redis, { runId, epoch: 2, opening: [] })).toMatchObject({
      lastOrdinal: 7,
      closedSteps: 1,
      isInStep: true,
      isNew: false,
    });
  });

  test('a later claim that finds no log is told so and writes nothing', async () => {
    const runId = newId();
    expect(await openRunLog(redis, { runId, epoch: 2, opening: openingOf(runId) })).toEqual({
      outcome: 'gone',
    });
    expect(await redis.exists(...keysOf(runId))).toBe(0);
  });

  test('with a base of 0 a later claim makes the log whole from its start', async () => {
    const runId = newId();
    const open = await openRunLog(redis, {
      runId,
      epoch: 2,
      opening: openingOf(runId),
      base: { ordinal: 0, storedSteps: 0, inStep: false },
    });
    expect(open).toMatchObject({ outcome: 'opened', isNew: true, lastOrdinal: 2 });
    expect(await describeLog(redis, runId)).toEqual(['2-1:start', '2-2:data-run']);
  });

  test('a log with a base goes on after it, also before its first append', async () => {
    const runId = newId();
    const base = { ordinal: 58, storedSteps: 3, inStep: true };
    const request = { runId, epoch: 2, opening: openingOf(runId), base };
    const expected: OpenOutcome = {
      outcome: 'opened',
      lastOrdinal: 58,
      closedSteps: 3,
      isInStep: true,
      isNew: true,
      base,
    };
    expect(await openRunLog(redis, request)).toEqual(expected);
    expect(await openRunLog(redis, request)).toEqual(expected);
    expect(await readRunLog(redis, runId, { afterOrdinal: 0 })).toMatchObject({
      events: [],
      meta: { lastOrdinal: 58, base },
    });
    expect(await append(runId, 2, 59, [textDelta('a')])).toEqual({ outcome: 'appended', lastOrdinal: 59 });
    // A repeated open must not throw away what was appended since.
    expect(await openRunLog(redis, request)).toEqual({ ...expected, lastOrdinal: 59 });
    expect(await describeLog(redis, runId)).toEqual(['2-59:a']);
  });
});

describe('appending', () => {
  test('a zombie is refused before the new epoch has appended anything', async () => {
    const runId = await openedRun(1);
    await openRunLog(redis, { runId, epoch: 2, opening: [] });
    expect(await append(runId, 1, 3, [textDelta('zombie')])).toEqual({ outcome: 'lost' });
    expect(await append(runId, 2, 3, [textDelta('heir')])).toEqual({ outcome: 'appended', lastOrdinal: 3 });
    expect(await describeLog(redis, runId)).toEqual(['1-1:start', '1-2:data-run', '2-3:heir']);
  });

  test('a retry after a lost reply changes nothing and publishes nothing', async () => {
    const runId = await openedRun();
    const subscriber = connectRedis(redisUrl());
    const messages: string[] = [];
    subscriber.on('message', (_channel, message) => messages.push(message));
    await subscriber.subscribe(`run:{${runId}}:events`);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await append(runId, 1, 3, [textDelta('a'), textDelta('b\n')])).toEqual({
        outcome: 'appended',
        lastOrdinal: 4,
      });
    }
    expect(await append(runId, 1, 4, [textDelta('b\n'), textDelta('c')])).toMatchObject({ lastOrdinal: 5 });
    await expect.poll(() => messages.length).toBe(2);
    subscriber.disconnect();
    expect(messages[0]?.split('\n')).toHaveLength(3);
    expect(messages[1]?.split('\n')[0]).toBe('1 5');
    expect(await describeLog(redis, runId)).toEqual([
      '1-1:start',
      '1-2:data-run',
      '1-3:a',
      '1-4:b\n',
      '1-5:c',
    ]);
  });

  test('a flushed log is gone, whichever of its keys is missing', async () => {
    for (const missing of [[0], [1], [0, 1]]) {
      const runId = await openedRun();
      await redis.del(...missing.map((index) => keysOf(runId)[index] ?? ''));
      expect(await append(runId, 1, 3, [textDelta('a')])).toEqual({ outcome: 'gone' });
      expect(await openRunLog(redis, { runId, epoch: 2, opening: [] })).toEqual({ outcome: 'gone' });
      expect((await readRunLog(redis, runId, { afterOrdinal: 0 })).meta).toBeNull();
    }
  });

  test('an older copy has a hole, and a claim with a base replaces it', async () => {
    const runId = await openedRun();
    await append(runId, 1, 3, [textDelta('kept')]);
    const copies = await Promise.all(keysOf(runId).map((key) => redis.dumpBuffer(key)));
    await append(runId, 1, 4, [textDelta('lost'), textDelta('lost too')]);
    for (const [index, key] of keysOf(runId).entries())
      await redis.restore(key, 0, copies[index]!, 'REPLACE');

    expect(await append(runId, 1, 6, [textDelta('next')])).toEqual({ outcome: 'hole', lastOrdinal: 3 });
    const base = { ordinal: 5, storedSteps: 0, inStep: true };
    await openRunLog(redis, { runId, epoch: 2, opening: [], base });
    expect(await append(runId, 1, 6, [textDelta('zombie')])).toEqual({ outcome: 'lost' });
    expect(await append(runId, 2, 6, [textDelta('next')])).toMatchObject({ outcome: 'appended' });
    expect(await describeLog(redis, runId)).toEqual(['2-6:next']);
  });

  test('a copy from before the epoch was opened has a hole too', async () => {
    const runId = await openedRun(1);
    const copies = await Promise.all(keysOf(runId).map((key) => redis.dumpBuffer(key)));
    await openRunLog(redis, { runId, epoch: 2, opening: [] });
    for (const [index, key] of keysOf(runId).entries())
      await redis.restore(key, 0, copies[index]!, 'REPLACE');
    expect(await append(runId, 2, 3, [textDelta('a')])).toEqual({ outcome: 'hole', lastOrdinal: 2 });
  });

  test('each append prolongs the life of both keys, and expireRunLog shortens it', async () => {
    const runId = newId();
    await openRunLog(redis, { runId, epoch: 1, opening: openingOf(runId), ttlMs: 500_000 });
    await expireRunLog(redis, runId, 1000);
    await append(runId, 1, 3, [textDelta('a')]);
    for (const key of keysOf(runId)) expect(await redis.pttl(key)).toBeGreaterThan(400_000);
    await expireRunLog(redis, runId, 60_000);
    for (const key of keysOf(runId)) expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000);
  });

  test('big chunks and odd characters come back as they were', async () => {
    const runId = await openedRun();
    const chunks = [textDelta('x'.repeat(1_000_000)), textDelta('"\\\r\n\u0000\u2028ü😀\ud800')];
    await append(runId, 1, 3, chunks);
    const { events, meta } = await readRunLog(redis, runId, { afterOrdinal: 2 });
    expect(events.map((event) => event.chunk)).toEqual(chunks);
    expect(events.map((event) => event.json)).toEqual(chunks.map((chunk) => JSON.stringify(chunk)));
    expect(meta?.bytes).toBeGreaterThan(1_000_000);
  });
});

test('reading after any ordinal finds what follows, over epochs, and as much as was asked for', async () => {
  const runId = await openedRun(1);
  let ordinal = 2;
  for (const epoch of [2, 3, 7]) {
    await openRunLog(redis, { runId, epoch, opening: [] });
    const chunks = Array.from({ length: epoch }, (_, index) => textDelta(`${epoch}.${index}`));
    await append(runId, epoch, ordinal + 1, chunks);
    ordinal += epoch;
  }
  for (let after = 0; after <= ordinal + 1; after += 1) {
    const { events, meta } = await readRunLog(redis, runId, { afterOrdinal: after });
    expect(events.map((event) => event.ordinal)).toEqual(
      Array.from({ length: Math.max(0, ordinal - after) }, (_, index) => after + 1 + index),
    );
    expect(meta).toMatchObject({ epoch: 7, lastOrdinal: ordinal });
    const three = await readRunLog(redis, runId, { afterOrdinal: after, count: 3 });
    expect(three.events).toEqual(events.slice(0, 3));
  }
});

test('any split, repetition and takeover of appends leaves the ordinals 1 to n once each, in order', async () => {
  const action = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('append' as const), size: fc.integer({ min: 1, max: 5 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('retry' as const), extra: fc.integer({ min: 0, max: 2 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('zombie' as const), size: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('too-far' as const), by: fc.integer({ min: 2, max: 4 }) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 30 }), async (actions) => {
      const runId = await openedRun(1);
      const expected = ['1-1:start', '1-2:data-run'];
      const answers: unknown[] = [];
      const expectedAnswers: unknown[] = [];
      let epoch = 1;
      let lastBatch: { first: number; texts: string[] } = { first: 3, texts: [] };
      const texts = (first: number, count: number) =>
        Array.from({ length: count }, (_, index) => `t${first + index}`);
      for (const step of actions) {
        const top = expected.length;
        switch (step.kind) {
          case 'append': {
            lastBatch = { first: top + 1, texts: texts(top + 1, step.size) };
            await append(
              runId,
              epoch,
              lastBatch.first,
              lastBatch.texts.map((text) => textDelta(text)),
            );
            expected.push(...lastBatch.texts.map((text, index) => `${epoch}-${top + 1 + index}:${text}`));
            break;
          }
          case 'retry': {
            const batch = [
              ...lastBatch.texts,
              ...texts(lastBatch.first + lastBatch.texts.length, step.extra),
            ];
            if (batch.length === 0) break;
            await append(
              runId,
              epoch,
              lastBatch.first,
              batch.map((text) => textDelta(text)),
            );
            const fresh = lastBatch.first + batch.length - 1 - top;
            expected.push(
              ...texts(top + 1, Math.max(0, fresh)).map(
                (text, index) => `${epoch}-${top + 1 + index}:${text}`,
              ),
            );
            break;
          }
          case 'takeover': {
            epoch += 1;
            const open = await openRunLog(redis, { runId, epoch, opening: openingOf(runId) });
            answers.push([open.outcome, open.outcome === 'opened' ? open.lastOrdinal : null]);
            expectedAnswers.push(['opened', top]);
            break;
          }
          case 'zombie': {
            if (epoch === 1) break;
            const chunks = texts(1, step.size).map((text) => textDelta(text));
            answers.push(await append(runId, epoch - 1, top + 1, chunks));
            expectedAnswers.push({ outcome: 'lost' });
            break;
          }
          case 'too-far':
            answers.push(await append(runId, epoch, top + step.by, [textDelta('far')]));
            expectedAnswers.push({ outcome: 'hole', lastOrdinal: top });
            break;
        }
      }
      expect(answers).toEqual(expectedAnswers);
      expect(await describeLog(redis, runId)).toEqual(expected);
      await redis.del(...keysOf(runId));
    }),
    { numRuns: 60 },
  );
});

test('concurrent retries of overlapping batches leave each ordinal once', async () => {
  const runId = await openedRun();
  const texts = Array.from({ length: 40 }, (_, index) => textDelta(`t${index}`));
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const end = index + 1;
      return await append(runId, 1, 3, texts.slice(0, end));
    }),
  );
  const { events } = await readRunLog(redis, runId, { afterOrdinal: 2 });
  expect(events.map((event) => event.chunk)).toEqual(texts);
});
