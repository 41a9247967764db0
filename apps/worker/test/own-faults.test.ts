import { createToolset, defineTool } from '@switchyard/agent';
import { readRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { executeRun } from '../src/execute-run.ts';
import { execute, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { echo } from './test-tools.ts';
import { expectEnd, workerWith } from './watched-runs.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
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
    const run = await execute(harness, started, workerWith(harness, broken));
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
    await expectEnd(harness, started);
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
