import type { Chunk } from '@switchyard/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendRunLog, openRunLog, readRunLog, type RunLogMeta } from '../src/index.ts';
import { newId, openingOf, testRedis, textDelta } from './fixtures.ts';

const redis = testRedis();
const bytesOf = (chunks: readonly Chunk[]) =>
  chunks.reduce((sum, chunk) => sum + Buffer.byteLength(JSON.stringify(chunk)), 0);

async function openLog(maxBytes: number, base?: Parameters<typeof openRunLog>[1]['base']): Promise<string> {
  const runId = newId();
  const epoch = base ? 2 : 1;
  await openRunLog(redis, { runId, epoch, opening: openingOf(runId), maxBytes, ...(base ? { base } : {}) });
  return runId;
}

async function read(runId: string, afterOrdinal = 0): Promise<{ ids: string[]; meta: RunLogMeta }> {
  const { events, meta } = await readRunLog(redis, runId, { afterOrdinal });
  if (!meta) throw new Error('There is no log.');
  return { ids: events.map(({ epoch, ordinal }) => `${epoch}-${ordinal}`), meta };
}

/** A step whose text has so many characters. */
function stepOf(characters: number): Chunk[] {
  return [{ type: 'start-step' }, textDelta('x'.repeat(characters)), { type: 'finish-step' }];
}

function idsFrom(first: number, last: number, epoch = 1): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${epoch}-${first + index}`);
}

describe('a log above its cap', () => {
  test('loses its oldest steps up to a finish-step, keeps half, and goes on under the next ordinal', async () => {
    const runId = await openLog(800);
    const append = (firstOrdinal: number, chunks: readonly Chunk[]) =>
      appendRunLog(redis, { runId, epoch: 1, firstOrdinal, chunks });
    await append(3, stepOf(100));
    await append(6, stepOf(100));
    const before = await read(runId);
    expect(before.ids).toEqual(idsFrom(1, 8));
    expect(before.meta).toMatchObject({ base: { ordinal: 0, storedSteps: 0 }, isTrimmed: false });
    await append(9, stepOf(200));
    // Steps of some 190, 190 and 290 bytes after an opening: only what follows the second is less than half of the cap.
    const { ids, meta } = await read(runId);
    expect(ids).toEqual(idsFrom(9, 11));
    expect(meta).toMatchObject({
      base: { ordinal: 8, storedSteps: 2, inStep: false },
      baseEpoch: 1,
      born: 1,
      isTrimmed: true,
      lastOrdinal: 11,
      closedSteps: 3,
      bytes: bytesOf(stepOf(200)),
    });
    expect(await append(12, [{ type: 'start-step' }])).toEqual({ outcome: 'appended', lastOrdinal: 12 });
    expect((await read(runId, 11)).ids).toEqual(['1-12']);
  });

  test('keeps a step that is open, however large, and then loses it as a whole', async () => {
    const runId = await openLog(1000);
    const append = (firstOrdinal: number, chunks: readonly Chunk[]) =>
      appendRunLog(redis, { runId, epoch: 1, firstOrdinal, chunks });
    await append(3, stepOf(10));
    await append(6, [{ type: 'start-step' }, textDelta('y'.repeat(5000)), textDelta('z'.repeat(5000))]);
    expect((await read(runId)).ids).toEqual(idsFrom(6, 8));
    await append(9, [textDelta('more'), { type: 'finish-step' }]);
    const { ids, meta } = await read(runId);
    expect(ids).toEqual([]);
    expect(meta).toMatchObject({ base: { ordinal: 10, storedSteps: 2 }, lastOrdinal: 10, bytes: 0 });
    // Empty, it is a log all the same: it is opened, appended to and read.
    expect(await openRunLog(redis, { runId, epoch: 2, opening: [], maxBytes: 1000 })).toMatchObject({
      outcome: 'opened',
      lastOrdinal: 10,
      closedSteps: 2,
      isNew: false,
      base: { ordinal: 10, storedSteps: 2, inStep: false },
    });
    await appendRunLog(redis, { runId, epoch: 2, firstOrdinal: 11, chunks: stepOf(1) });
    expect((await read(runId)).ids).toEqual(idsFrom(11, 13, 2));
  });

  test('answers a retry of what it has lost as it answers any retry', async () => {
    const runId = await openLog(500);
    const batch = { runId, epoch: 1, firstOrdinal: 3, chunks: [...stepOf(600), ...stepOf(5)] };
    const first = await appendRunLog(redis, batch);
    const { ids, meta } = await read(runId);
    expect(await appendRunLog(redis, batch)).toEqual(first);
    expect(await read(runId)).toEqual({ ids, meta });
    expect(meta.base.ordinal).toBe(5);
  });

  test('is not replaced by a late repetition of the open that made it', async () => {
    const base = { ordinal: 40, storedSteps: 3, inStep: false };
    const runId = await openLog(500, base);
    await appendRunLog(redis, { runId, epoch: 2, firstOrdinal: 41, chunks: [...stepOf(900), ...stepOf(5)] });
    const before = await read(runId);
    expect(before.meta).toMatchObject({ base: { ordinal: 43, storedSteps: 4 }, born: 2, isTrimmed: true });
    await openRunLog(redis, { runId, epoch: 2, opening: openingOf(runId), base, maxBytes: 500 });
    expect(await read(runId)).toEqual(before);
  });

  test('names the epoch of the event at its base, which may be older than the one that writes', async () => {
    const runId = await openLog(500);
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: stepOf(100) });
    await openRunLog(redis, { runId, epoch: 4, opening: [], maxBytes: 500 });
    await appendRunLog(redis, {
      runId,
      epoch: 4,
      firstOrdinal: 6,
      chunks: [{ type: 'start-step' }, textDelta('x'.repeat(400))],
    });
    const { ids, meta } = await read(runId);
    expect(ids).toEqual(['4-6', '4-7']);
    expect(meta).toMatchObject({ base: { ordinal: 5, storedSteps: 1 }, baseEpoch: 1, born: 1, epoch: 4 });
  });

  test('that a release without a cap has begun is read, continued and trimmed from its next steps on', async () => {
    const runId = await openLog(1000);
    const metaKey = `run:{${runId}}:meta`;
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: stepOf(700) });
    await redis.hdel(metaKey, 'maxBytes', 'ends', 'bornAt', 'baseEpoch');
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 6, chunks: stepOf(700) });
    const { ids, meta } = await read(runId);
    expect(ids).toEqual(idsFrom(1, 8));
    expect(meta).toMatchObject({ baseEpoch: 1, born: 1, isTrimmed: false });
    await openRunLog(redis, { runId, epoch: 2, opening: [], maxBytes: 1000 });
    await appendRunLog(redis, { runId, epoch: 2, firstOrdinal: 9, chunks: stepOf(10) });
    const after = await read(runId);
    expect(after.ids).toEqual(idsFrom(9, 11, 2));
    expect(after.meta.base).toEqual({ ordinal: 8, storedSteps: 2, inStep: false });
  });
});

/** What happens to a log: a step is written in pieces, a batch is sent again, or another worker takes over. */
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      texts: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }),
      cuts: fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 3 }),
      isLeftOpen: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const) }) },
);

test('whatever its cap and its chunks, it ends with the whole tail after a base at a finish-step, and nothing is twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 200, max: 3000 }),
      fc.array(action, { minLength: 1, maxLength: 25 }),
      async (maxBytes, actions) => {
        const runId = await openLog(maxBytes);
        /** Every event that was ever appended, as a log without a cap would have it. */
        const all = openingOf(runId).map((chunk) => ({ epoch: 1, chunk }));
        let epoch = 1;
        let lastBatch: Chunk[] = [];
        let isInStep = false;

        async function append(chunks: readonly Chunk[]): Promise<void> {
          if (chunks.length === 0) return;
          const firstOrdinal = all.length + 1;
          const answer = await appendRunLog(redis, { runId, epoch, firstOrdinal, chunks });
          all.push(...chunks.map((chunk) => ({ epoch, chunk })));
          lastBatch = [...chunks];
          expect(answer).toEqual({ outcome: 'appended', lastOrdinal: all.length });
          await check();
        }

        async function check(): Promise<void> {
          const { events, meta } = await readRunLog(redis, runId, { afterOrdinal: 0 });
          const closed = all.flatMap(({ chunk }, index) => (chunk.type === 'finish-step' ? [index + 1] : []));
          const base = meta?.base.ordinal ?? -1;
          expect(base === 0 || closed.includes(base)).toBe(true);
          const steps = closed.filter((ordinal) => ordinal <= base).length;
          const tail = all.slice(base);
          const bytes = bytesOf(tail.map(({ chunk }) => chunk));
          expect(events.map(({ epoch: written, ordinal, chunk }) => ({ written, ordinal, chunk }))).toEqual(
            tail.map((event, index) => ({
              written: event.epoch,
              ordinal: base + 1 + index,
              chunk: event.chunk,
            })),
          );
          expect(meta).toMatchObject({
            epoch,
            lastOrdinal: all.length,
            base: { ordinal: base, storedSteps: steps, inStep: false },
            baseEpoch: base === 0 ? 1 : all[base - 1]?.epoch,
            isTrimmed: base > 0,
            closedSteps: closed.length,
            isInStep,
            bytes,
          });
          // Above its cap is only what has no end of a step in it.
          const isTrimmable = closed.some((ordinal) => ordinal > base);
          expect(bytes <= maxBytes || !isTrimmable).toBe(true);
        }

        async function retry(): Promise<void> {
          if (lastBatch.length === 0) return;
          const firstOrdinal = all.length - lastBatch.length + 1;
          const answer = await appendRunLog(redis, { runId, epoch, firstOrdinal, chunks: lastBatch });
          expect(answer).toEqual({ outcome: 'appended', lastOrdinal: all.length });
          await check();
        }

        async function takeOver(): Promise<void> {
          epoch += 1;
          lastBatch = [];
          const opened = await openRunLog(redis, { runId, epoch, opening: openingOf(runId), maxBytes });
          expect(opened).toMatchObject({ outcome: 'opened', lastOrdinal: all.length, isInStep });
          await check();
        }

        for (const step of actions) {
          switch (step.kind) {
            case 'step': {
              const chunks: Chunk[] = step.texts.map((length) => textDelta('ü'.repeat(length)));
              chunks.unshift(isInStep ? { type: 'reset-step' } : { type: 'start-step' });
              if (!step.isLeftOpen) chunks.push({ type: 'finish-step' });
              const cuts = [0, ...step.cuts.toSorted((a, b) => a - b), chunks.length];
              for (const [index, cut] of cuts.slice(1).entries()) {
                const piece = chunks.slice(cuts[index], cut);
                for (const { type } of piece) {
                  if (type === 'start-step') isInStep = true;
                  if (type === 'finish-step') isInStep = false;
                }
                await append(piece);
              }
              break;
            }
            case 'retry':
              await retry();
              break;
            case 'takeover':
              await takeOver();
              break;
          }
        }
        const { meta } = await read(runId);
        for (let after = 0; after <= all.length; after += Math.ceil(all.length / 10)) {
          const first = Math.max(after, meta.base.ordinal) + 1;
          const expected = all.slice(first - 1).map((event, index) => `${event.epoch}-${first + index}`);
          expect((await read(runId, after)).ids).toEqual(expected);
        }
        await redis.del(`run:{${runId}}:log`, `run:{${runId}}:meta`);
      },
    ),
    { numRuns: 60 },
  );
});
