import { createRunQueue, type RunQueue } from '@switchyard/bus';
import { newId } from '@switchyard/protocol';
import { claimRun, readRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { sweep, sweepUntil } from '../src/sweep.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let queue: RunQueue;
beforeAll(async () => {
  harness = await startHarness([]);
  queue = createRunQueue({ redisUrl: inject('redisUrl'), queueName: `sweep-${newId()}` });
});
afterAll(async () => {
  await queue.close();
  await harness.stop();
});

const now = { olderThanMs: 0, limit: 100, signal: new AbortController().signal };
const turns = [{ steps: [{ text: 'never asked' }] }];

describe('a sweep', () => {
  it('queues a run that was never added, once, and leaves it alone while its job lives', async () => {
    const { run, wakeup } = await harness.start({ turns });
    const sweeper = { ...harness.worker, queue };
    expect(await sweep(sweeper, now)).toBe(1);
    expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
    expect(await sweep(sweeper, now)).toBe(0);
  });

  it('moves a running run whose job is gone back to the queue, under a new wakeup', async () => {
    const { run, wakeup } = await harness.start({ turns });
    await claimRun(harness.sql, { runId: run.id, wakeup, workerId: 'gone' });
    expect(await sweep({ ...harness.worker, queue }, now)).toBe(1);
    expect(await readRun(harness.sql, harness.actor, run.id)).toMatchObject({ status: 'queued' });
    expect(await queue.position({ runId: run.id, wakeup: wakeup + 1 })).not.toBeNull();
  });

  it('leaves alone what was touched lately', async () => {
    const { run, wakeup } = await harness.start({ turns });
    expect(await sweep({ ...harness.worker, queue }, { ...now, olderThanMs: 60_000 })).toBe(0);
    expect(await queue.hasLiveJob({ runId: run.id, wakeup })).toBe(false);
  });

  it('comes again and again until it is stopped', async () => {
    const stop = new AbortController();
    const sweeping = sweepUntil({ ...harness.worker, queue }, stop.signal, { everyMs: 30, olderThanMs: 0 });
    const { run, wakeup } = await harness.start({ turns });
    await vi.waitFor(async () => {
      expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
    });
    stop.abort();
    await sweeping;
  });
});
