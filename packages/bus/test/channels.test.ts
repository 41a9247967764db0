import { afterAll, describe, expect, test } from 'vitest';
import {
  appendRunLog,
  type ControlMessage,
  createControl,
  createRunLogSubscriber,
  type LoggedEvent,
  openRunLog,
  readRunLog,
} from '../src/index.ts';
import { startFaultyRedis } from './faulty-redis.ts';
import { newId, openingOf, redisUrl, testRedis, textDelta } from './fixtures.ts';

const redis = testRedis();

async function openedRun(): Promise<string> {
  const runId = newId();
  await openRunLog(redis, { runId, epoch: 1, opening: openingOf(runId) });
  return runId;
}

describe('following a run', () => {
  const subscriber = createRunLogSubscriber({ redisUrl: redisUrl() });
  afterAll(() => subscriber.close());

  test('every event appended after follow resolved arrives once, in order, as it is in the log', async () => {
    const [runId, otherId] = [await openedRun(), await openedRun()];
    const seen: LoggedEvent[] = [];
    const stop = await subscriber.follow(
      runId,
      (events) => seen.push(...events),
      () => undefined,
    );
    for (let ordinal = 3; ordinal < 103; ordinal += 2) {
      await appendRunLog(redis, {
        runId,
        epoch: 1,
        firstOrdinal: ordinal,
        chunks: [textDelta(`${ordinal}\n`), textDelta('ü')],
      });
      await appendRunLog(redis, {
        runId: otherId,
        epoch: 1,
        firstOrdinal: ordinal,
        chunks: [textDelta('other'), textDelta('other')],
      });
    }
    await expect.poll(() => seen.length).toBe(100);
    expect(seen).toEqual((await readRunLog(redis, runId, { afterOrdinal: 2 })).events);
    stop();
  });

  test('two followers of one run both get all; one that stopped gets nothing more', async () => {
    const runId = await openedRun();
    const seen: number[][] = [[], []];
    const stops = await Promise.all(
      seen.map((ordinals) =>
        subscriber.follow(
          runId,
          (events) => ordinals.push(...events.map((event) => event.ordinal)),
          () => undefined,
        ),
      ),
    );
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: [textDelta('a')] });
    await expect.poll(() => seen).toEqual([[3], [3]]);
    stops[0]?.();
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 4, chunks: [textDelta('b')] });
    await expect.poll(() => seen).toEqual([[3], [3, 4]]);
    stops[1]?.();
    await expect
      .poll(async () => await redis.pubsub('NUMSUB', `run:{${runId}}:events`))
      .toEqual([`run:{${runId}}:events`, 0]);
  });

  test('stopping and following again at the same moment still follows', async () => {
    const runId = await openedRun();
    const seen: number[] = [];
    const listener = (events: readonly LoggedEvent[]) => seen.push(...events.map((event) => event.ordinal));
    const stop = await subscriber.follow(runId, listener, () => undefined);
    stop();
    stop();
    await subscriber.follow(runId, listener, () => undefined);
    await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: [textDelta('a')] });
    await expect.poll(() => seen).toEqual([3]);
  });

  test('when its connection is killed, followers are told after it stands again', async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const subscriber = createRunLogSubscriber({ redisUrl: proxy.url });
    const runs = [await openedRun(), await openedRun()];
    const reconnected = new Set<string>();
    const seen: string[] = [];
    for (const runId of runs) {
      await subscriber.follow(
        runId,
        (events) => seen.push(...events.map((event) => `${runId}:${event.ordinal}`)),
        () => reconnected.add(runId),
      );
    }
    proxy.setFault('refuse');
    proxy.setFault('pass');
    await expect.poll(() => reconnected).toEqual(new Set(runs));
    for (const runId of runs) {
      await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: [textDelta('after')] });
    }
    await expect.poll(() => seen.toSorted()).toEqual(runs.map((runId) => `${runId}:3`).toSorted());
    await subscriber.close();
  });
});

test(
  'following while Redis is away fails as unavailable instead of waiting for ever',
  { timeout: 20_000 },
  async () => {
    const proxy = await startFaultyRedis(redisUrl());
    const subscriber = createRunLogSubscriber({ redisUrl: proxy.url });
    proxy.setFault('refuse');
    await expect(
      subscriber.follow(
        newId(),
        () => undefined,
        () => undefined,
      ),
    ).rejects.toMatchObject({ code: 'unavailable' });
    proxy.setFault('pass');
    const stop = await subscriber.follow(
      newId(),
      () => undefined,
      () => undefined,
    );
    stop();
    await subscriber.close();
  },
);

test('a connection that died without a word is found by its heartbeat', { timeout: 40_000 }, async () => {
  const proxy = await startFaultyRedis(redisUrl());
  const subscriber = createRunLogSubscriber({ redisUrl: proxy.url });
  const runId = await openedRun();
  const seen: number[] = [];
  let reconnects = 0;
  await subscriber.follow(
    runId,
    (events) => seen.push(...events.map((event) => event.ordinal)),
    () => (reconnects += 1),
  );
  proxy.blackHole();
  await expect.poll(() => reconnects, { timeout: 30_000, interval: 100 }).toBeGreaterThan(0);
  await appendRunLog(redis, { runId, epoch: 1, firstOrdinal: 3, chunks: [textDelta('a')] });
  await expect.poll(() => seen).toEqual([3]);
  await subscriber.close();
});

test('control messages reach the run they are for, and unknown ones are ignored', async () => {
  const control = createControl({ redisUrl: redisUrl() });
  const [runId, otherId] = [newId(), newId()];
  const seen: ControlMessage[] = [];
  const stop = await control.subscribe(runId, (message) => seen.push(message));
  await control.publish(otherId, { type: 'cancel' });
  await redis.publish(`run:{${runId}}:control`, 'not json');
  await redis.publish(`run:{${runId}}:control`, '{"type":"from-a-later-release"}');
  await control.publish(runId, { type: 'cancel' });
  await expect.poll(() => seen).toEqual([{ type: 'cancel' }]);
  stop();
  await control.close();
});
