import { LockLostError, readRunLog } from '@switchyard/bus';
import { readRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldMessage } from '@switchyard/agent/test';
import { executeRun } from '../src/execute-run.ts';
import { chunksOfLog, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { echo, slowTool } from './test-tools.ts';
import { workerWith } from './watched-runs.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started));
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started, job.signal));
    await slow.started();
    job.abort(new LockLostError(started.run.id));
    await execution;
    const { id } = started.run;
    await harness.redis.del(`run:{${id}}:log`, `run:{${id}}:meta`);
    const second = executeRun(workerWith(harness, slow.tool), jobOf(started));
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
    const execution = executeRun(workerWith(harness, slow.tool), jobOf(started, job.signal));
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
    const second = executeRun(workerWith(harness, slow.tool), jobOf(started));
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
