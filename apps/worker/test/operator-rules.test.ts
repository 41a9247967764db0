import { createToolset, parseApprovalRules } from '@switchyard/agent';
import { LockLostError } from '@switchyard/bus';
import { readRun } from '@switchyard/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Worker } from '../src/worker.ts';
import {
  answer,
  approvalOf,
  call,
  expectSeen,
  goOn,
  partsOf,
  promptOf,
  spending,
  work,
} from './consenting.ts';
import { faultyWorker } from './faulty-worker.ts';
import { type Harness, startHarness } from './harness.ts';
import { complete, echo } from './test-tools.ts';

const { spend, done } = spending();
beforeEach(() => {
  done.length = 0;
});

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo, spend, complete]);
});
afterAll(async () => {
  await harness.stop();
});

describe('a rule of the operator', () => {
  const workerWith = (text: string): Worker => ({
    ...harness.worker,
    tools: createToolset([echo, spend, complete], parseApprovalRules(text)),
  });

  it('asks before a call that asks nobody by itself, and the answer counts for that input alone', async () => {
    const worker = workerWith('echo(*alpha*)=ask');
    const turns = [{ steps: [call('echo', { text: 'alpha' }), call('echo', { text: 'beta' })] }, goOn];
    const started = await harness.start({ turns });
    expect(await work(harness, started.run, worker)).toMatchObject({ status: 'awaiting-approval' });
    const waiting = await partsOf(harness, started.run);
    expect(waiting).toMatchObject([{ state: 'approval-requested' }, { state: 'output-available' }]);
    expect(waiting[0]?.approval).toMatchObject({
      requestReason: 'Use echo, asked by the rule "echo(*alpha*)=ask"',
    });
    await answer(harness, started.run, { approvalId: approvalOf(waiting, 0), approved: true });
    expect(await work(harness, started.run, worker)).toMatchObject({ reason: 'answered' });
    expect(await partsOf(harness, started.run)).toMatchObject([
      { output: { said: 'alpha' } },
      { output: { said: 'beta' } },
    ]);
    await expectSeen(harness, started);
  });

  it('keeps a call from being made, says so to the model, and asks nobody', async () => {
    const started = await harness.start({
      turns: [{ steps: [call('spend', { text: 'ten' }), call('echo', { text: 'a' })] }, goOn],
    });
    expect(await work(harness, started.run, workerWith('spend(*ten*)=deny'))).toMatchObject({
      reason: 'answered',
    });
    expect(done).toEqual([]);
    expect(promptOf(harness)).toContain('this installation never allows it, by its rule');
    expect(await expectSeen(harness, started)).toContainEqual(
      expect.objectContaining({ type: 'tool-spend', state: 'output-error' }),
    );
  });

  it('lets a call be made that would ask by itself', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    expect(await work(harness, started.run, workerWith('spend(*ten*)=allow, *=deny'))).toMatchObject({
      reason: 'answered',
    });
    expect(done).toEqual(['ten']);
    await expectSeen(harness, started);
  });

  it.each([
    ['before', ['spend', 'complete']],
    ['behind', ['complete', 'spend']],
  ])('lets no call end the run that stands beside a forbidden one, which is %s it', async (_place, names) => {
    const turns = [{ steps: names.map((name) => call(name, { text: 'All paid.' })) }, goOn];
    const started = await harness.start({ turns });
    expect(await work(harness, started.run, workerWith('spend=deny'))).toMatchObject({
      reason: 'answered',
      steps: 2,
    });
    const parts = await partsOf(harness, started.run);
    expect(parts.find(({ type }) => type === 'tool-spend')).toMatchObject({
      errorText: expect.stringContaining('never allows'),
    });
    expect(parts.find(({ type }) => type === 'tool-complete')).toMatchObject({
      errorText: expect.stringContaining('failed or was refused'),
    });
    // The model has read why.
    expect(promptOf(harness)).toContain('never allows');
    await expectSeen(harness, started);
  });

  it('lets no call end the run that a person agreed to beside one that he refused, wherever a worker dies', async () => {
    const asking = workerWith('complete=ask');
    const turns = [{ steps: [call('spend', { text: 'ten' }), call('complete', { text: 'Paid.' })] }, goOn];
    let hasDied = true;
    for (let at = 1; hasDied && at < 50; at += 1) {
      const started = await harness.start({ turns });
      await work(harness, started.run, asking);
      const asked = await partsOf(harness, started.run);
      await answer(
        harness,
        started.run,
        { approvalId: approvalOf(asked, 0), approved: false },
        { approvalId: approvalOf(asked, 1), approved: true },
      );
      const { worker, faulted } = faultyWorker(asking, { at, when: 'after', how: 'dies' });
      const lock = new AbortController();
      void faulted.then(() => lock.abort(new LockLostError(started.run.id)));
      await work(harness, started.run, worker, lock.signal).catch(() => 'dead');
      hasDied = lock.signal.aborted;
      if (hasDied) await work(harness, started.run, asking);
      expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ reason: 'answered' });
      expect(await partsOf(harness, started.run)).toMatchObject([
        { type: 'tool-spend', state: 'output-denied' },
        { type: 'tool-complete', state: 'output-error' },
      ]);
    }
    expect(hasDied).toBe(false);
    expect(done).toEqual([]);
  });

  it('that came after a person had agreed counts more', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    await work(harness, started.run);
    const approvalId = approvalOf(await partsOf(harness, started.run), 0);
    await answer(harness, started.run, { approvalId, approved: true });
    expect(await work(harness, started.run, workerWith('spend=deny'))).toMatchObject({ reason: 'answered' });
    expect(done).toEqual([]);
    await expectSeen(harness, started);
  });
});
