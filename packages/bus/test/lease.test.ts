import { expect, test } from 'vitest';
import { withLease } from '../src/index.ts';
import { newId, testRedis } from './fixtures.ts';

const redis = testRedis();

test('of many who want a lease at once one gets it, and afterwards it is free again', async () => {
  const name = newId();
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const attempts = Array.from({ length: 8 }, () =>
    withLease(redis, { name, ttlMs: 10_000 }, async () => {
      running += 1;
      await gate.promise;
    }),
  );
  await expect.poll(() => running).toBe(1);
  gate.resolve();
  const ran = await Promise.all(attempts);
  expect(ran.filter(Boolean)).toHaveLength(1);
  expect(await withLease(redis, { name, ttlMs: 10_000 }, () => Promise.resolve())).toBe(true);
});

test('an action longer than the lease keeps it', async () => {
  const name = newId();
  const key = `lease:{${name}}`;
  const gate = Promise.withResolvers<void>();
  const holder = withLease(redis, { name, ttlMs: 150 }, () => gate.promise);
  await expect.poll(() => redis.exists(key)).toBe(1);
  const startedAt = performance.now();
  await expect.poll(() => performance.now() - startedAt, { timeout: 2000 }).toBeGreaterThan(500);
  expect(await withLease(redis, { name, ttlMs: 150 }, () => Promise.resolve())).toBe(false);
  gate.resolve();
  expect(await holder).toBe(true);
});

test('a lease that somebody else has taken aborts the action, and is not given back in his place', async () => {
  const name = newId();
  const key = `lease:{${name}}`;
  let reason: unknown;
  await withLease(redis, { name, ttlMs: 150 }, async (signal) => {
    await redis.set(key, 'another');
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    reason = signal.reason;
  });
  expect(reason).toBeInstanceOf(Error);
  expect(await redis.get(key)).toBe('another');
});

test('what the action throws comes out, and the lease is free', async () => {
  const name = newId();
  const failing = withLease(redis, { name, ttlMs: 10_000 }, () => Promise.reject(new Error('sweep failed')));
  await expect(failing).rejects.toThrow('sweep failed');
  expect(await redis.exists(`lease:{${name}}`)).toBe(0);
});
