import type { Chunk } from '@switchyard/protocol';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { connectRedis, createRunLogWriter, openRunLog, readRunLog } from '../src/index.ts';
import { startFaultyRedis } from './faulty-redis.ts';
import { newId, openingOf, redisUrl, testRedis, textDelta } from './fixtures.ts';

const redis = testRedis();
const proxy = await startFaultyRedis(redisUrl());
const connection = connectRedis(proxy.url);
afterAll(() => connection.disconnect());

const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('text', 'other text', 'tool', 'step'),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush', 'turn', 'lose replies', 'cut', 'be silent'),
      times: fc.integer({ min: 1, max: 2 }),
    }),
  },
);

function chunkOf(kind: string, index: number): Chunk {
  switch (kind) {
    case 'tool':
      return { type: 'tool-input-start', toolCallId: `call-${index}`, toolName: 'shell' };
    case 'step':
      return { type: 'finish-step' };
    default:
      return textDelta(`${index};`, kind);
  }
}

/** Each delta's piece and each other chunk by itself: what no merging and no retry may change. */
function spelled(chunks: readonly Chunk[]): string[] {
  return chunks.flatMap((chunk) =>
    chunk.type === 'text-delta'
      ? chunk.delta.split(/(?<=;)/).map((piece) => `${chunk.id} ${piece}`)
      : [JSON.stringify(chunk)],
  );
}

test('whatever is written and however often its connection breaks, a writer leaves each chunk once, in order, without a hole', async () => {
  let disconnects = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 40 }), async (actions) => {
      const runId = newId();
      await openRunLog(redis, { runId, epoch: 1, opening: openingOf(runId) });
      const failures: unknown[] = [];
      const writer = createRunLogWriter({
        redis: connection,
        runId,
        epoch: 1,
        lastOrdinal: 2,
        maxWaitingBytes: 2000,
        onFailure: (error) => failures.push(error),
      });
      const written: Chunk[] = [];
      for (const { kind, times } of actions) {
        switch (kind) {
          case 'flush':
            await writer.flush();
            break;
          case 'turn':
            await new Promise(setImmediate);
            break;
          case 'lose replies':
            proxy.loseReplies(times);
            break;
          case 'cut':
            proxy.setFault('refuse');
            proxy.setFault('pass');
            disconnects += 1;
            break;
          case 'be silent':
            proxy.setFault('freeze');
            setTimeout(() => proxy.setFault('pass'), 20 * times);
            break;
          default:
            for (let count = 0; count < times; count += 1) {
              const chunk = chunkOf(kind, written.length);
              written.push(chunk);
              await writer.write(chunk);
            }
        }
      }
      await writer.flush();
      writer.close();
      proxy.loseReplies(0);
      const { events, meta } = await readRunLog(redis, runId, { afterOrdinal: 2 });
      expect(spelled(events.map(({ chunk }) => chunk))).toEqual(spelled(written));
      expect(events.map(({ ordinal }) => ordinal)).toEqual(events.map((_, index) => 3 + index));
      expect(meta?.lastOrdinal).toBe(writer.lastOrdinal);
      expect(failures).toEqual([]);
    }),
    { numRuns: 40 },
  );
  // Some forty as a rule: far fewer, and nothing was tried.
  expect(disconnects + proxy.repliesLost).toBeGreaterThan(5);
}, 120_000);
