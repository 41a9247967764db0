import { createToolset, defineTool, foldChunks } from '@switchyard/agent';
import { LockLostError } from '@switchyard/bus';
import type { Run } from '@switchyard/protocol';
import { readRun, requestCancel, wakeRun } from '@switchyard/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { foldMessage } from '@switchyard/agent/test';
import { executeRun } from '../src/execute-run.ts';
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
import { chunksOfLog, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
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

/** A run whose worker died between the store's word that it waits and the log's: the call is found by trying each. */
async function runThatWaitsUnseen(): Promise<Run> {
  for (let at = 1; at < 50; at += 1) {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    const { worker, faulted } = faultyWorker(harness.worker, { at, when: 'after', how: 'dies' });
    const lock = new AbortController();
    void faulted.then(() => lock.abort(new LockLostError(started.run.id)));
    await executeRun(worker, jobOf(started, lock.signal)).catch(() => 'dead');
    const run = await readRun(harness.sql, harness.actor, started.run.id);
    const last = (await chunksOfLog(harness.redis, run.id)).at(-1);
    if (run.status === 'awaiting-approval' && last?.type === 'tool-input-available') return run;
  }
  throw new Error('No worker died there.');
}

describe('a call that needs consent', () => {
  it('waits after all others of its answer have run, and shows what it asks', async () => {
    const started = await harness.start({
      turns: [
        {
          steps: [
            call('spend', { text: 'ten' }),
            call('echo', { text: 'hi' }),
            call('complete', { text: 'ok' }),
          ],
        },
        goOn,
      ],
    });
    expect(await work(harness, started.run)).toMatchObject({ status: 'awaiting-approval', steps: 1 });
    expect(await partsOf(harness, started.run)).toMatchObject([
      { type: 'tool-spend', state: 'approval-requested', approval: { requestReason: 'Spend ten?' } },
      { type: 'tool-echo', state: 'output-available' },
      // Nothing ends a run that waits for one of its calls.
      { type: 'tool-complete', state: 'output-error', errorText: expect.stringContaining('consent') },
    ]);
    const chunks = await chunksOfLog(harness.redis, started.run.id);
    expect(chunks.slice(-2)).toMatchObject([
      { type: 'tool-approval-request', reason: 'Spend ten?' },
      { type: 'data-run', data: { status: 'awaiting-approval' } },
    ]);
    expect(done).toEqual([]);
    const { parts } = await storedMessage(harness, started.run);
    expect((await foldMessage(chunks)).parts).toEqual(parts);
  });

  it('runs with the input that was shown, once a person has agreed', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    await work(harness, started.run);
    const asked = await partsOf(harness, started.run);
    await answer(harness, started.run, { approvalId: approvalOf(asked, 0), approved: true });
    expect(await work(harness, started.run)).toMatchObject({ status: 'completed', steps: 2 });
    expect(done).toEqual(['ten']);
    expect(await partsOf(harness, started.run)).toMatchObject([
      { state: 'output-available', input: asked[0]?.input, approval: { approved: true } },
    ]);
    const chunks = await chunksOfLog(harness.redis, started.run.id);
    // Who has seen the wait is sent only what follows it.
    expect(chunks.map(({ type }) => type)).not.toContain('reset-step');
    expect(chunks.filter(({ type }) => type === 'tool-approval-request')).toHaveLength(1);
    await expectSeen(harness, started);
  });

  it('does not run when it was refused; the model reads why and goes on', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    await work(harness, started.run);
    const approvalId = approvalOf(await partsOf(harness, started.run), 0);
    await answer(harness, started.run, { approvalId, approved: false, reason: 'Too dear.' });
    expect(await work(harness, started.run)).toMatchObject({ status: 'completed' });
    expect(done).toEqual([]);
    expect(await partsOf(harness, started.run)).toMatchObject([
      { state: 'output-denied', approval: { approved: false, reason: 'Too dear.' } },
    ]);
    expect(promptOf(harness)).toContain('Too dear.');
    await expectSeen(harness, started);
  });

  it('waits for all answers, each for itself, and runs the calls in their order', async () => {
    const texts = ['one', 'two', 'three'];
    const started = await harness.start({
      turns: [{ steps: texts.map((text) => call('spend', { text })) }, goOn],
    });
    await work(harness, started.run);
    const asked = await partsOf(harness, started.run);
    await answer(harness, started.run, { approvalId: approvalOf(asked, 2), approved: true });
    expect(await work(harness, started.run)).toMatchObject({ status: 'awaiting-approval' });
    await answer(
      harness,
      started.run,
      { approvalId: approvalOf(asked, 1), approved: false },
      { approvalId: approvalOf(asked, 0), approved: true },
    );
    expect(await work(harness, started.run)).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['one', 'three']);
    await expectSeen(harness, started);
  });

  it('is not asked for where it is not needed, nor for arguments that are not valid', async () => {
    const started = await harness.start({
      turns: [{ steps: [call('spend', { text: 'nothing', free: true }), call('spend', { wrong: 1 })] }, goOn],
    });
    expect(await work(harness, started.run)).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['nothing']);
    expect(await partsOf(harness, started.run)).toMatchObject([
      { state: 'output-available' },
      { state: 'output-error' },
    ]);
  });

  it('is closed by a cancel, which needs no answer', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }] });
    await work(harness, started.run);
    await requestCancel(harness.sql, harness.actor, started.run.id);
    expect(await work(harness, started.run)).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    expect(await partsOf(harness, started.run)).toMatchObject([
      { state: 'output-error', errorText: expect.stringContaining('Cancelled') },
    ]);
    await expectSeen(harness, started);
  });

  it('ends the run when nobody answers in time: the call is closed, and an answer comes too late', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    const { wakeup } = started;
    await work(harness, started.run);
    await harness.sql`update approvals set expires_at = now() where run_id = ${started.run.id}`;
    const late = { approvalId: approvalOf(await partsOf(harness, started.run), 0), approved: true };
    const refusal = { code: 'conflict', detail: expect.stringContaining('came too late') };
    // Whether the sweep has noticed or not.
    await expect(answer(harness, started.run, late)).rejects.toMatchObject(refusal);
    expect(await wakeRun(harness.sql, { runId: started.run.id, wakeup })).toEqual({ wakeup: wakeup + 1 });
    await expect(answer(harness, started.run, late)).rejects.toMatchObject(refusal);
    expect(await work(harness, started.run)).toMatchObject({ status: 'failed', reason: 'approval-expired' });
    expect(await expectSeen(harness, started)).toMatchObject([
      { type: 'step-start' },
      { state: 'output-error', errorText: expect.stringContaining('nobody answered in time') },
    ]);
    expect(done).toEqual([]);
  });

  it('is asked for again in a later step, and the time of the waits is not the run’s', async () => {
    const worker = { ...harness.worker, maxDurationMs: 60_000 };
    const started = await harness.start({
      turns: [{ steps: [call('spend', { text: 'a' })] }, { steps: [call('spend', { text: 'b' })] }, goOn],
    });
    for (const index of [0, 1]) {
      expect(await work(harness, started.run, worker)).toMatchObject({ status: 'awaiting-approval' });
      await harness.sql`
        update runs set started_at = started_at - interval '1 hour', waiting_since = waiting_since - interval '1 hour'
        where id = ${started.run.id}`;
      await answer(harness, started.run, {
        approvalId: approvalOf(await partsOf(harness, started.run), index),
        approved: true,
      });
    }
    expect(await work(harness, started.run, worker)).toMatchObject({
      status: 'completed',
      reason: 'answered',
    });
    expect(done).toEqual(['a', 'b']);
    await expectSeen(harness, started);
  });

  it('goes on where the log was lost while the run waited', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    await work(harness, started.run);
    await harness.redis.del(`run:{${started.run.id}}:log`, `run:{${started.run.id}}:meta`);
    await answer(harness, started.run, {
      approvalId: approvalOf(await partsOf(harness, started.run), 0),
      approved: true,
    });
    const ended = await work(harness, started.run);
    expect(ended).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['ten']);
    // The new log begins with the step that waited, and has all of it.
    const chunks = await chunksOfLog(harness.redis, started.run.id);
    expect(await foldChunks(chunks)).toEqual((await storedMessage(harness, ended)).parts);
  });

  it('of a tool that is gone by the time of the answer tells the model so', async () => {
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    await work(harness, started.run);
    await answer(harness, started.run, {
      approvalId: approvalOf(await partsOf(harness, started.run), 0),
      approved: true,
    });
    expect(
      await work(harness, started.run, { ...harness.worker, tools: createToolset([echo]) }),
    ).toMatchObject({
      status: 'completed',
    });
    expect(await partsOf(harness, started.run)).toMatchObject([{ state: 'output-error' }]);
    await expectSeen(harness, started);
  });

  it('is not asked for once the call has begun: what became of it is for recovery to say', async () => {
    const begun = Promise.withResolvers<void>();
    const job = new AbortController();
    const former = defineTool({
      ...spend,
      consent: () => null,
      async execute({ text }) {
        done.push(text);
        begun.resolve();
        return await new Promise<never>(() => undefined);
      },
    });
    const started = await harness.start({ turns: [{ steps: [call('spend', { text: 'ten' })] }, goOn] });
    const worker = { ...harness.worker, tools: createToolset([former]) };
    const execution = executeRun(worker, { ...jobOf(started), signal: job.signal });
    await begun.promise;
    job.abort(new LockLostError(started.run.id));
    await execution;
    expect(await work(harness, started.run)).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['ten']);
    expect(await partsOf(harness, started.run)).toMatchObject([
      { state: 'output-error', errorText: expect.stringContaining('outcome unknown') },
    ]);
    await expectSeen(harness, started);
  });

  it('does not cost the log when its worker died before it could show that the run waits', async () => {
    const run = await runThatWaitsUnseen();
    const asked = await partsOf(harness, run);
    await answer(harness, run, { approvalId: approvalOf(asked, 0), approved: true });
    const ended = await work(harness, run);
    expect(ended).toMatchObject({ status: 'completed' });
    expect((await chunksOfLog(harness.redis, run.id))[0]?.type).toBe('start');
    expect(await foldMessage(await chunksOfLog(harness.redis, run.id))).toEqual(
      await storedMessage(harness, ended),
    );
  });

  it('is named by the event of its wait, whatever a tool says after its result', async () => {
    let sayMore: (() => void) | undefined;
    const noisy = defineTool({
      name: 'noisy',
      description: 'Says more than it should.',
      inputSchema: z.object({}),
      effect: 'read',
      needs: 'nothing',
      async execute(_input, { emitOutput }) {
        sayMore = () => emitOutput('stdout', 'late');
        return { outcome: 'ok', output: 'said' };
      },
    });
    const talkative = defineTool({
      ...spend,
      consent(input) {
        sayMore?.();
        return spend.consent?.(input) ?? null;
      },
    });
    const started = await harness.start({
      turns: [{ steps: [call('noisy', {})] }, { steps: [call('spend', { text: 'ten' })] }],
    });
    await work(harness, started.run, { ...harness.worker, tools: createToolset([noisy, talkative]) });
    expect(sayMore).toBeDefined();
    const chunks = await chunksOfLog(harness.redis, started.run.id);
    expect(chunks.map(({ type }) => type)).not.toContain('data-tool-output');
    const [row] = await harness.sql<{ wait: string }[]>`
      select wait_event_id as wait from runs where id = ${started.run.id}`;
    expect(row?.wait).toBe(`1-${chunks.length}`);
  });
});
