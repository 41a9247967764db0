import { createToolset, defineTool } from '@switchyard/agent';
import { DrainedError, expireRunLog, LockLostError, readRunLog } from '@switchyard/bus';
import type { Chunk } from '@switchyard/protocol';
import { claimRun, deleteThread, readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { foldMessage } from '@switchyard/agent/test';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { chunksOfLog, execute, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { echo, slowTool } from './test-tools.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
});

function workerWith(...tools: Parameters<typeof createToolset>[0][number][]): Worker {
  return { ...harness.worker, tools: createToolset(tools) };
}

/** Far above what it takes: the cores are shared. */
const patient = { timeout: 20_000 };

async function untilLogged(runId: string, type: Chunk['type']): Promise<void> {
  await vi.waitFor(async () => {
    const { events } = await readRunLog(harness.redis, runId, { afterOrdinal: 0 });
    expect(events.map(({ chunk }) => chunk.type)).toContain(type);
  }, patient);
}

async function expectEnd({ run: { id } }: StartedRun) {
  const run = await readRun(harness.sql, harness.actor, id);
  const chunks = await chunksOfLog(harness.redis, id);
  const message = await storedMessage(harness, run);
  expect(await foldMessage(chunks)).toEqual(message);
  return { run, chunks, message };
}

async function cancel({ run: { id } }: StartedRun): Promise<void> {
  await requestCancel(harness.sql, harness.actor, id);
  await harness.control.publish(id, { type: 'cancel' });
}

describe('a deletion', () => {
  it('aborts the model, is lost to the worker without a fuss, and leaves nothing', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'Half a ' }, { stall: true }] }] });
    const execution = executeRun(harness.worker, jobOf(started));
    await untilLogged(started.run.id, 'text-delta');
    await deleteThread(harness.sql, harness.actor, started.run.threadId);
    await harness.control.publish(started.run.id, { type: 'cancel' });
    expect(await execution).toBe('done');
    await vi.waitFor(() => expect(harness.model.requests.at(-1)?.abortedAt).not.toBeNull());
    await expectLost(started);
  });

  it('kills the command that runs', async () => {
    const slow = slowTool();
    const started = await harness.start({
      turns: [{ steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] }],
    });
    const execution = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    await deleteThread(harness.sql, harness.actor, started.run.threadId);
    await harness.control.publish(started.run.id, { type: 'cancel' });
    expect(await execution).toBe('done');
    await expectLost(started);
  });

  it('of which nobody told the worker is met by its next write, with the log gone too', async () => {
    const slow = slowTool();
    const call = { toolCall: { name: 'slow', arguments: { text: 'x' } } };
    const started = await harness.start({ turns: [{ steps: [call] }, { steps: [{ text: 'Never.' }] }] });
    const execution = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    await deleteThread(harness.sql, harness.actor, started.run.threadId);
    await expireRunLog(harness.redis, started.run.id, 1);
    slow.release();
    expect(await execution).toBe('done');
    await expectLost(started);
    expect((await readRunLog(harness.redis, started.run.id, { afterOrdinal: 0 })).events).toEqual([]);
  });

  it('before the job was taken makes it a stale one', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'Never.' }] }] });
    await deleteThread(harness.sql, harness.actor, started.run.threadId);
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    expect(lineOf(started)).toMatchObject({ outcome: 'stale' });
  });

  /** The run's one line in the log. */
  function lineOf({ run: { id } }: StartedRun): Record<string, unknown> | undefined {
    return harness.logged.find((line) => line['msg'] === 'run' && line['runId'] === id);
  }

  async function expectLost(started: StartedRun): Promise<void> {
    expect(lineOf(started)).toMatchObject({ outcome: 'lost' });
    const faults = harness.logged.filter(
      (line) => line['runId'] === started.run.id && Number(line['level']) >= 50,
    );
    expect(faults).toEqual([]);
    await expect(readRun(harness.sql, harness.actor, started.run.id)).rejects.toMatchObject({
      code: 'not_found',
    });
  }
});

describe('a cancel', () => {
  it('of a silent model aborts its request, keeps the partial text and says when', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'Half a ' }, { stall: true }] }] });
    const execution = executeRun(harness.worker, jobOf(started));
    await untilLogged(started.run.id, 'text-delta');
    await cancel(started);
    expect(await execution).toBe('done');
    const { run, chunks, message } = await expectEnd(started);
    expect(run).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      error: null,
      usage: { estimated: true },
    });
    expect(run.cancel?.modelAbortedAt).not.toBeNull();
    expect(chunks.at(-1)?.type).toBe('abort');
    expect(message.parts).toContainEqual(
      expect.objectContaining({ type: 'text', text: 'Half a ', state: 'done' }),
    );
    await vi.waitFor(() => expect(harness.model.requests.at(-1)?.abortedAt).not.toBeNull());
  });

  it('of a model that has not answered yet leaves no step, and counts what it was asked', async () => {
    const started = await harness.start({ turns: [{ steps: [{ stall: true }] }] });
    const before = harness.model.requests.length;
    const execution = executeRun(harness.worker, jobOf(started));
    await vi.waitFor(() => expect(harness.model.requests.length).toBeGreaterThan(before), patient);
    await cancel(started);
    await execution;
    const { run, message } = await expectEnd(started);
    expect(run).toMatchObject({ status: 'cancelled', steps: 0, usage: { outputTokens: 0, estimated: true } });
    expect(run.usage.inputTokens).toBeGreaterThan(0);
    expect(message).toMatchObject({ parts: [] });
  });

  it('of a running tool stops it, closes its call and those after it, and says when', async () => {
    const slow = slowTool();
    const call = (name: string) => ({ toolCall: { name, arguments: { text: 'x' } } });
    const started = await harness.start({ turns: [{ steps: [call('slow'), call('echo')] }] });
    const execution = executeRun(workerWith(slow.tool, echo), jobOf(started));
    await slow.started();
    await cancel(started);
    await execution;
    const { run, message } = await expectEnd(started);
    expect(run).toMatchObject({ status: 'cancelled', steps: 1 });
    expect(run.cancel?.toolKilledAt).not.toBeNull();
    const states = message.parts.flatMap((part) =>
      'state' in part && part.type.startsWith('tool-') ? [part.state] : [],
    );
    expect(states).toEqual(['output-error', 'output-error']);
  });

  it('that nobody heard on the channel is seen when the next result is stored', async () => {
    const slow = slowTool();
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'no' }] },
      ],
    });
    const execution = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    await requestCancel(harness.sql, harness.actor, started.run.id);
    slow.release();
    await execution;
    expect((await expectEnd(started)).run).toMatchObject({ status: 'cancelled', steps: 1 });
  });

  it('before the claim of a run that was claimed once ends it without asking the model', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'no' }] }] });
    await claimRun(harness.sql, { runId: started.run.id, wakeup: started.wakeup, workerId: 'gone' });
    await requestCancel(harness.sql, harness.actor, started.run.id);
    const asked = harness.model.requests.length;
    await executeRun(harness.worker, jobOf(started));
    expect((await expectEnd(started)).run).toMatchObject({ status: 'cancelled', steps: 0 });
    expect(harness.model.requests).toHaveLength(asked);
  });
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
    const execution = executeRun({ ...workerWith(slow.tool), isDraining: () => isDraining }, jobOf(started));
    await slow.started();
    isDraining = true;
    slow.release();
    expect(await execution).toBe('hand-over');
    expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ status: 'queued' });
    expect(await executeRun(workerWith(slow.tool), jobOf(started))).toBe('done');
    const { run, chunks } = await expectEnd(started);
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
    await untilLogged(started.run.id, 'text-delta');
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    const { run, chunks } = await expectEnd(started);
    expect(run).toMatchObject({ status: 'completed', steps: 1, usage: { estimated: true } });
    expect(chunks.filter(({ type }) => type === 'reset-step')).toHaveLength(1);
    expect(chunks.filter(({ type }) => type === 'start-step')).toHaveLength(1);
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
    const execution = executeRun(workerWith(slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(workerWith(slow.tool), jobOf(started))).toBe('done');
    const { run, message } = await expectEnd(started);
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
    const execution = executeRun(workerWith(slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new DrainedError());
    expect(await execution).toBe('hand-over');
    expect(await executeRun(workerWith(slow.tool), jobOf(started))).toBe('done');
    expect((await expectEnd(started)).run).toMatchObject({ status: 'completed', steps: 2 });
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
    const zombie = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    // It is frozen in its tool; another worker takes the run and ends it.
    expect(await executeRun(workerWith(slow.tool), jobOf(started))).toBe('done');
    const before = await expectEnd(started);
    slow.release();
    expect(await zombie).toBe('done');
    expect(await expectEnd(started)).toEqual(before);
    expect(before.run).toMatchObject({ status: 'completed', reason: 'answered' });
    expect(slow.calls()).toBe(1);
  });

  it('aborts its model request at once when the lock is lost', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'a' }, { stall: true }] }] });
    const job = new AbortController();
    const execution = executeRun(harness.worker, jobOf(started, job.signal));
    await untilLogged(started.run.id, 'text-delta');
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
    const { run } = await expectEnd(started);
    expect(run).toMatchObject({ status: 'failed', reason: 'crash-loop', error: { code: 'crash_loop' } });
  });
});

describe('a log that is gone', () => {
  it('under a running worker begins anew, and the run goes on', async () => {
    const slow = slowTool();
    const call = { toolCall: { name: 'slow', arguments: { text: 'x' } } };
    const started = await harness.start({
      turns: [
        { steps: [{ text: 'One.' }, call] },
        { steps: [{ text: 'Two.' }, call] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const execution = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    slow.release();
    await slow.started();
    const { id } = started.run;
    const before = await readRunLog(harness.redis, id, { afterOrdinal: 0 });
    await harness.redis.del(`run:{${id}}:log`, `run:{${id}}:meta`);
    slow.release();
    expect(await execution).toBe('done');
    const run = await readRun(harness.sql, harness.actor, id);
    expect(run).toMatchObject({ status: 'completed', reason: 'answered', steps: 3 });
    const { meta } = await readRunLog(harness.redis, id, { afterOrdinal: 0 });
    expect(meta).toMatchObject({ epoch: 2, base: { inStep: false } });
    expect(meta?.base.ordinal).toBeGreaterThan(before.meta?.lastOrdinal ?? Infinity);
    // What the store has of the steps before the base, then the log, is the whole message.
    const message = await storedMessage(harness, run);
    const tail = await foldMessage(await chunksOfLog(harness.redis, id));
    const marks = message.parts.flatMap((part, index) => (part.type === 'step-start' ? [index] : []));
    expect(tail.parts).toEqual(message.parts.slice(marks[meta?.base.storedSteps ?? 0]));
  });

  it('when another worker claims begins anew with what is stored', async () => {
    const slow = slowTool({ effect: 'read' });
    const started = await harness.start({
      turns: [
        { steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const job = new AbortController();
    const execution = executeRun(workerWith(slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new LockLostError(started.run.id));
    await execution;
    const { id } = started.run;
    await harness.redis.del(`run:{${id}}:log`, `run:{${id}}:meta`);
    const second = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    slow.release();
    expect(await second).toBe('done');
    const run = await readRun(harness.sql, harness.actor, id);
    expect(run).toMatchObject({ status: 'completed', steps: 2 });
    const tail = await foldMessage(await chunksOfLog(harness.redis, id));
    expect(tail.parts).toEqual((await storedMessage(harness, run)).parts);
  });
});

describe('a log that came back older', () => {
  it('begins anew above every event that the store knows of when another worker claims', async () => {
    const slow = slowTool({ effect: 'read' });
    const call = { toolCall: { name: 'slow', arguments: { text: 'x' } } };
    const started = await harness.start({
      turns: [
        { steps: [{ text: 'One.' }, call] },
        { steps: [{ text: 'Two.' }, call] },
        { steps: [{ text: 'done' }] },
      ],
    });
    const job = new AbortController();
    const execution = executeRun(workerWith(slow.tool), jobOf(started, job.signal));
    const { id } = started.run;
    const keys = [`run:{${id}}:log`, `run:{${id}}:meta`];
    await slow.started();
    const older = await Promise.all(keys.map(async (key) => await harness.redis.dumpBuffer(key)));
    const before = await readRunLog(harness.redis, id, { afterOrdinal: 0 });
    slow.release();
    await slow.started();
    job.abort(new LockLostError(id));
    await execution;
    await Promise.all(
      keys.map(
        async (key, index) => await harness.redis.restore(key, 0, older[index] ?? Buffer.of(), 'REPLACE'),
      ),
    );
    const second = executeRun(workerWith(slow.tool), jobOf(started));
    await slow.started();
    slow.release();
    expect(await second).toBe('done');
    const run = await readRun(harness.sql, harness.actor, id);
    expect(run).toMatchObject({ status: 'completed', steps: 3 });
    const { meta } = await readRunLog(harness.redis, id, { afterOrdinal: 0 });
    expect(meta?.base.ordinal).toBeGreaterThan(before.meta?.lastOrdinal ?? Infinity);
    const message = await storedMessage(harness, run);
    const marks = message.parts.flatMap((part, index) => (part.type === 'step-start' ? [index] : []));
    const tail = await foldMessage(await chunksOfLog(harness.redis, id));
    expect(tail.parts).toEqual(message.parts.slice(marks[meta?.base.storedSteps ?? 0]));
  });
});

describe('faults of ours', () => {
  it('a tool that throws is an error for the model and a line for us', async () => {
    const broken = defineTool({
      name: 'broken',
      description: 'Throws.',
      inputSchema: z.object({}),
      effect: 'read',
      needs: 'nothing',
      execute: () => Promise.reject(new Error('secret detail')),
    });
    const started = await harness.start({
      turns: [{ steps: [{ toolCall: { name: 'broken', arguments: {} } }] }, { steps: [{ text: 'oh' }] }],
    });
    const run = await execute(harness, started, workerWith(broken));
    expect(run).toMatchObject({ status: 'completed', steps: 2 });
    expect(JSON.stringify(await storedMessage(harness, run))).not.toContain('secret');
    expect(harness.logged.some(({ msg, tool }) => msg === 'tool threw' && tool === 'broken')).toBe(true);
  });

  it('a loop that throws ends the run as internal, with its open step closed', async () => {
    const started = await harness.start({
      turns: [{ steps: [{ toolCall: { name: 'echo', arguments: { text: 'a' } } }] }],
    });
    const tools = createToolset([echo]);
    const worker = {
      ...harness.worker,
      tools: {
        ...tools,
        byName: {
          get: () => {
            throw new Error('bug');
          },
        } as never,
      },
    };
    const run = await execute(harness, started, worker);
    expect(run).toMatchObject({ status: 'failed', reason: 'internal', error: { code: 'internal' } });
    await expectEnd(started);
  });

  it('a model that is not in the catalog fails the run with its name', async () => {
    const started = await harness.start({ turns: [{ steps: [] }] }, { model: 'openai:none' });
    const run = await execute(harness, started);
    expect(run).toMatchObject({ status: 'failed', reason: 'model-error', error: { code: 'unknown_model' } });
  });

  it('a stale job ends without effect', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'once' }] }] });
    const before = await execute(harness, started);
    expect(await executeRun(harness.worker, jobOf(started))).toBe('done');
    expect(await executeRun(harness.worker, jobOf({ ...started, wakeup: started.wakeup + 1 }))).toBe('done');
    expect(await readRun(harness.sql, harness.actor, started.run.id)).toEqual(before);
  });
});
