import { defineTool } from '@switchyard/agent';
import { DrainedError, LockLostError, readRunLog } from '@switchyard/bus';
import { readRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { executeRun } from '../src/execute-run.ts';
import { type Harness, jobOf, startHarness } from './harness.ts';
import { echo, slowTool } from './test-tools.ts';
import { expectEnd, untilLogged, workerWith } from './watched-runs.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
});

describe('a hand-over', () => {
  it('comes after the step, and no ended step is paid twice', async () => {
    const slow = slowTool();
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const asked = harness.model.requests.length;
    let isDraining = false;
    const execution = executeRun(
      { ...workerWith(harness, slow.tool), isDraining: () => isDraining },
      jobOf(started),
    );
    await slow.started();
    isDraining = true;
    slow.release();
    expect(await execution).toBe('hand-over');
    expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ status: 'queued' });
    expect(await executeRun(workerWith(harness, slow.tool), jobOf(started))).toBe('done');
    const { run, chunks } = await expectEnd(harness, started);
    expect(run).toMatchObject({
      status: 'completed',
      reason: 'answered',
      steps: 2,
      usage: { estimated: false },
    });
    expect(slow.calls()).toBe(1);
    expect(harness.model.requests.length - asked).toBe(2);
    expect(chunks.some(({ type }) => type === 'reset-step')).toBe(false);
  });

  it('cuts a model that does not end within the drain time; the step is taken again', async () => {
    const faults = [{ kind: 'stall', afterChunks: 1, times: 1 } as const];
    const started = await harness.start({ turns: [{ steps: [{ text: ['one ', 'two'] }], faults }] });
    const job = new AbortController();
    const execution = executeRun(harness.worker, jobOf(started, job.signal));
    await untilLogged(harness, started.run.id, 'text-delta');
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    const { run, chunks } = await expectEnd(harness, started);
    expect(run).toMatchObject({ status: 'completed', steps: 1, usage: { estimated: true } });
    expect(chunks.filter(({ type }) => type === 'reset-step')).toHaveLength(1);
    expect(chunks.filter(({ type }) => type === 'start-step')).toHaveLength(1);
  });

  it('leaves the end of a run to the next worker when a call brings it while this one leaves', async () => {
    const begun = Promise.withResolvers<void>();
    const leaving = Promise.withResolvers<void>();
    const question = defineTool({
      name: 'question',
      description: 'For tests.',
      inputSchema: z.object({}),
      effect: 'once',
      needs: 'nothing',
      async execute() {
        begun.resolve();
        await leaving.promise;
        return { outcome: 'ok', output: 'Asked.', end: { reason: 'asked' } };
      },
    });
    const turns = [
      { steps: [{ toolCall: { name: 'question', arguments: {} } }] },
      { steps: [{ text: 'I have asked.' }] },
    ];
    const started = await harness.start({ turns });
    const asked = harness.model.requests.length;
    const job = new AbortController();
    const execution = executeRun(workerWith(harness, question), jobOf(started, job.signal));
    await begun.promise;
    job.abort(new DrainedError());
    leaving.resolve();
    expect(await execution).toBe('hand-over');
    expect(await executeRun(workerWith(harness, question), jobOf(started))).toBe('done');
    const { run } = await expectEnd(harness, started);
    expect(run).toMatchObject({ reason: 'asked', steps: 1 });
    expect(harness.model.requests.length - asked).toBe(1);
  });

  it('between two attempts of a step charges what the first one had cost', async () => {
    const faults = [{ kind: 'cut', afterChunks: 1, times: 1 } as const];
    const started = await harness.start({ turns: [{ steps: [{ text: ['one ', 'two'] }], faults }] });
    const job = new AbortController();
    const patient = {
      ...harness.worker,
      retry: { ...harness.worker.retry, baseDelayMs: 60_000, maxDelayMs: 60_000 },
    };
    const execution = executeRun(patient, jobOf(started, job.signal));
    await untilLogged(harness, started.run.id, 'reset-step');
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    const usage =
      await harness.sql`select total_tokens::integer as tokens, is_estimated from usage where run_id = ${started.run.id}`;
    expect(usage).toEqual([{ tokens: expect.any(Number), is_estimated: true }]);
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    const { run } = await expectEnd(harness, started);
    expect(run).toMatchObject({ status: 'completed', steps: 1, usage: { estimated: true } });
  });

  it('cuts a once tool that does not end within the drain time; it is not run again', async () => {
    const slow = slowTool();
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const job = new AbortController();
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(workerWith(harness, slow.tool), jobOf(started))).toBe('done');
    const { run, message } = await expectEnd(harness, started);
    expect(run).toMatchObject({ status: 'completed', steps: 2 });
    expect(slow.calls()).toBe(1);
    expect(message.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-slow',
        errorText: expect.stringContaining('inspect before repeating'),
      }),
    );
  });

  it('does not wait for a tool that does not listen', async () => {
    const slow = slowTool({ ignoresAbort: true });
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const job = new AbortController();
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(workerWith(harness, slow.tool), jobOf(started))).toBe('done');
    expect((await expectEnd(harness, started)).run).toMatchObject({ status: 'completed', steps: 2 });
    slow.release();
    expect(slow.calls()).toBe(1);
  });
});

describe('a worker that lost its run', () => {
  it('writes nothing more when it learns of it late', async () => {
    const slow = slowTool({ ignoresAbort: true });
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const zombie = executeRun(workerWith(harness, slow.tool), jobOf(started));
    await slow.started();
    // It is frozen in its tool; another worker takes the run and ends it.
    expect(await executeRun(workerWith(harness, slow.tool), jobOf(started))).toBe('done');
    const before = await expectEnd(harness, started);
    slow.release();
    expect(await zombie).toBe('done');
    expect(await expectEnd(harness, started)).toEqual(before);
    expect(before.run).toMatchObject({ status: 'completed', reason: 'answered' });
    expect(slow.calls()).toBe(1);
  });

  it('aborts its model request at once when the lock is lost', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'a' }, { stall: true }] }] });
    const job = new AbortController();
    const execution = executeRun(harness.worker, jobOf(started, job.signal));
    await untilLogged(harness, started.run.id, 'text-delta');
    job.abort(new LockLostError(started.run.id));
    expect(await execution).toBe('done');
    await vi.waitFor(() => expect(harness.model.requests.at(-1)?.abortedAt).not.toBeNull());
    expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ status: 'running' });
  });
});

describe('a run that kills its workers', () => {
  it('ends as crash-loop after three claims without progress', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'a' }, { stall: true }] }] });
    for (let crash = 0; crash < 3; crash += 1) {
      const job = new AbortController();
      const execution = executeRun(harness.worker, jobOf(started, job.signal));
      await vi.waitFor(async () => {
        const { events, meta } = await readRunLog(harness.redis, started.run.id, { afterOrdinal: 0 });
        expect(meta?.epoch).toBe(crash + 1);
        expect(events.at(-1)?.chunk.type).toBe('text-delta');
      });
      job.abort(new LockLostError(started.run.id));
      await execution;
    }
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    const { run } = await expectEnd(harness, started);
    expect(run).toMatchObject({ status: 'failed', reason: 'crash-loop', error: { code: 'crash_loop' } });
  });
});
