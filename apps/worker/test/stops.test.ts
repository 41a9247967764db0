import { expireRunLog, readRunLog } from '@switchyard/bus';
import { claimRun, deleteThread, readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import { type Harness, jobOf, startHarness } from './harness.ts';
import { echo, slowTool } from './test-tools.ts';
import { cancel, expectEnd, patient, untilLogged, workerWith } from './watched-runs.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
});

describe('a deletion', () => {
  it('aborts the model, is lost to the worker without a fuss, and leaves nothing', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'Half a ' }, { stall: true }] }] });
    const execution = executeRun(harness.worker, jobOf(started));
    await untilLogged(harness, started.run.id, 'text-delta');
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started));
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started));
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
    await untilLogged(harness, started.run.id, 'text-delta');
    await cancel(harness, started);
    expect(await execution).toBe('done');
    const { run, chunks, message } = await expectEnd(harness, started);
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
    await cancel(harness, started);
    await execution;
    const { run, message } = await expectEnd(harness, started);
    expect(run).toMatchObject({ status: 'cancelled', steps: 0, usage: { outputTokens: 0, estimated: true } });
    expect(run.usage.inputTokens).toBeGreaterThan(0);
    expect(message).toMatchObject({ parts: [] });
  });

  it('of a running tool stops it, closes its call and those after it, and says when', async () => {
    const slow = slowTool();
    const call = (name: string) => ({ toolCall: { name, arguments: { text: 'x' } } });
    const started = await harness.start({ turns: [{ steps: [call('slow'), call('echo')] }] });
    const execution = executeRun(workerWith(harness, slow.tool, echo), jobOf(started));
    await slow.started();
    await cancel(harness, started);
    await execution;
    const { run, message } = await expectEnd(harness, started);
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started));
    await slow.started();
    await requestCancel(harness.sql, harness.actor, started.run.id);
    slow.release();
    await execution;
    expect((await expectEnd(harness, started)).run).toMatchObject({ status: 'cancelled', steps: 1 });
  });

  it('before the claim of a run that was claimed once ends it without asking the model', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: 'no' }] }] });
    await claimRun(harness.sql, { runId: started.run.id, wakeup: started.wakeup, workerId: 'gone' });
    await requestCancel(harness.sql, harness.actor, started.run.id);
    const asked = harness.model.requests.length;
    await executeRun(harness.worker, jobOf(started));
    expect((await expectEnd(harness, started)).run).toMatchObject({ status: 'cancelled', steps: 0 });
    expect(harness.model.requests).toHaveLength(asked);
  });
});
