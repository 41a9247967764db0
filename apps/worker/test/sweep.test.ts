import { createRunQueue, type RunQueue } from '@switchyard/bus';
import { newId } from '@switchyard/protocol';
import { startSupabase, type SupabaseStandIn } from '@switchyard/stand-ins';
import {
  type Blobs,
  claimRun,
  createBlobs,
  readRun,
  releaseRun,
  requestCancel,
  reserveObjects,
} from '@switchyard/store';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createSweeper, type SweepPolicy } from '../src/sweep.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
let queue: RunQueue;
let supabase: SupabaseStandIn;
let blobs: Blobs;
let dataDir: string;
beforeAll(async () => {
  harness = await startHarness([]);
  queue = createRunQueue({ redisUrl: inject('redisUrl'), queueName: `sweep-${newId()}` });
  dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-sweep-'));
  supabase = await startSupabase({ dataDir });
  blobs = createBlobs({ supabaseUrl: supabase.url, secretKey: supabase.secretKey, bucket: 'swept' });
  await blobs.ensureBucket();
});
afterAll(async () => {
  await queue.close();
  await harness.stop();
  await supabase.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const turns = [{ steps: [{ text: 'never asked' }] }];
const { signal } = new AbortController();

function newSweeper(changes: Partial<SweepPolicy> = {}) {
  return createSweeper({ ...harness.worker, queue, blobs }, { untouchedMs: 0, ...changes });
}

describe('a sweep', () => {
  it('queues a run that was never added, once, and leaves it alone while its job lives', async () => {
    const { run, wakeup } = await harness.start({ turns });
    const sweeper = newSweeper();
    await sweeper.sweep(signal);
    expect(sweeper.report).toMatchObject({ sweeps: 1, woken: { unattended: 1 } });
    expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
    await sweeper.sweep(signal);
    expect(sweeper.report).toMatchObject({ sweeps: 2, woken: { unattended: 1 } });
  });

  it('moves a running run whose job is gone back to the queue, under a new wakeup', async () => {
    const { run, wakeup } = await harness.start({ turns });
    await claimRun(harness.sql, { runId: run.id, wakeup, workerId: 'gone' });
    await newSweeper().sweep(signal);
    expect(await readRun(harness.sql, harness.actor, run.id)).toMatchObject({ status: 'queued' });
    expect(await queue.position({ runId: run.id, wakeup: wakeup + 1 })).not.toBeNull();
  });

  it('takes a run that does not stop from its worker, though its job lives', async () => {
    const { run, wakeup, priority } = await harness.start({ turns });
    await queue.add({ runId: run.id, wakeup, priority });
    await claimRun(harness.sql, { runId: run.id, wakeup, workerId: 'hung' });
    await requestCancel(harness.sql, harness.actor, run.id);
    await newSweeper().sweep(signal);
    expect(await readRun(harness.sql, harness.actor, run.id)).toMatchObject({ status: 'running' });
    const sweeper = newSweeper({ cancellingMs: -1 });
    await sweeper.sweep(signal);
    expect(sweeper.report.woken.uncancelled).toBe(1);
    expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
  });

  it('leaves a stopped run that waits in the queue its place there', async () => {
    const { run, wakeup, priority } = await harness.start({ turns });
    await claimRun(harness.sql, { runId: run.id, wakeup, workerId: 'leaving' });
    await releaseRun(harness.sql, { runId: run.id, epoch: 1, lastOrdinal: 0 });
    await queue.add({ runId: run.id, wakeup, priority });
    await requestCancel(harness.sql, harness.actor, run.id);
    const sweeper = newSweeper({ cancellingMs: -1 });
    await sweeper.sweep(signal);
    expect(await readRun(harness.sql, harness.actor, run.id)).toMatchObject({ status: 'queued' });
    expect(await queue.position({ runId: run.id, wakeup })).not.toBeNull();
    expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(false);
  });

  it('leaves alone what was touched lately', async () => {
    const { run, wakeup } = await harness.start({ turns });
    await newSweeper({ untouchedMs: 60_000 }).sweep(signal);
    expect(await queue.hasLiveJob({ runId: run.id, wakeup })).toBe(false);
  });

  it('finds what stands behind any number of runs with living workers', async () => {
    for (let count = 0; count < 3; count += 1) {
      const { run, wakeup, priority } = await harness.start({ turns });
      await queue.add({ runId: run.id, wakeup, priority });
    }
    const { run, wakeup } = await harness.start({ turns });
    await newSweeper({ pageSize: 1 }).sweep(signal);
    expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
  });

  it('removes objects that never got a row', async () => {
    const key = `${harness.actor.accountId}/${newId()}`;
    await reserveObjects(harness.sql, [key]);
    await blobs.put({ key, body: new TextEncoder().encode('lost'), mediaType: 'text/plain' });
    await newSweeper().sweep(signal);
    await blobs.read(key);
    const sweeper = newSweeper({ unclaimedMs: -1 });
    await sweeper.sweep(signal);
    expect(sweeper.report.objects).toBe(1);
    await expect(blobs.read(key)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is one process’s work, which another takes over when it leaves', async () => {
    const sweepers = Array.from({ length: 3 }, () => ({
      stop: new AbortController(),
      ...newSweeper({ everyMs: 30, untouchedMs: 60_000 }),
    }));
    const sweeping = sweepers.map((sweeper) => sweeper.sweepUntil(sweeper.stop.signal));
    const active = () => sweepers.filter(({ report }) => report.sweeps > 0);
    await vi.waitFor(() => expect(active()[0]?.report.sweeps).toBeGreaterThan(5), { timeout: 10_000 });
    expect(active()).toHaveLength(1);
    expect(active()[0]?.report.lastAt).not.toBeNull();
    active()[0]?.stop.abort();
    await vi.waitFor(() => expect(active()).toHaveLength(2), { timeout: 10_000 });
    for (const { stop } of sweepers) stop.abort();
    await Promise.all(sweeping);
  });

  it('comes again and again until it is stopped', async () => {
    const stop = new AbortController();
    const sweeping = newSweeper({ everyMs: 30 }).sweepUntil(stop.signal);
    const { run, wakeup } = await harness.start({ turns });
    await vi.waitFor(async () => {
      expect(await queue.hasLiveJob({ runId: run.id, wakeup: wakeup + 1 })).toBe(true);
    });
    stop.abort();
    await sweeping;
  });
});
