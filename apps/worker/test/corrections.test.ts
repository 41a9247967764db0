import { createToolset, defineTool } from '@switchyard/agent';
import { correctRun, readMessages, readRun } from '@switchyard/store';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { foldMessage } from '@switchyard/agent/test';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { echo } from './test-tools.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo]);
});
afterAll(async () => {
  await harness.stop();
});

/** A worker one of whose tools lets the user correct the run that calls it. */
function workerWithCorrection(text: string) {
  const pause = defineTool({
    name: 'pause',
    description: 'Gives the user time.',
    inputSchema: z.object({}),
    effect: 'read',
    needs: 'nothing',
    async execute(_input, { runId }) {
      await correctRun(harness.sql, harness.actor, { runId, text });
      return { outcome: 'ok', output: 'Go on.' };
    },
  });
  return { ...harness.worker, tools: createToolset([pause]) };
}

const pausing = { steps: [{ toolCall: { name: 'pause', arguments: {} } }] };

it('a correction is read by the next step, shown before its answer and kept with it', async () => {
  const started = await harness.start({ turns: [pausing, { steps: [{ text: 'Red it is.' }] }] });
  const run = await execute(harness, started, workerWithCorrection('In red.'));
  expect(run).toMatchObject({ status: 'completed', steps: 2 });
  const message = await storedMessage(harness, run);
  expect(message.parts.map((part) => (part.type === 'text' ? part.text : part.type))).toEqual([
    'step-start',
    'tool-pause',
    'step-start',
    'data-steering',
    'Red it is.',
  ]);
  expect(await foldMessage(await chunksOfLog(harness.redis, run.id))).toEqual(message);
  const messages = harness.model.requests.at(-1)?.body as { messages: { role: string; content: unknown }[] };
  expect(messages.messages.at(-1)).toMatchObject({ role: 'user' });
  expect(JSON.stringify(messages.messages.at(-1))).toContain('In red.');
});

it('a correction is shown again when the model’s answer had to be begun anew', async () => {
  const started = await harness.start({
    turns: [
      pausing,
      { steps: [{ text: ['Whole', ' answer.'] }], faults: [{ kind: 'cut', afterChunks: 2, times: 1 }] },
    ],
  });
  const run = await execute(harness, started, workerWithCorrection('In red.'));
  const message = await storedMessage(harness, run);
  expect(message.parts.filter(({ type }) => type === 'data-steering')).toHaveLength(1);
  const chunks = await chunksOfLog(harness.redis, run.id);
  expect(chunks.map(({ type }) => type)).toContain('reset-step');
  expect(await foldMessage(chunks)).toEqual(message);
});

it('a correction that came while the last answer was written is answered by a run of its own', async () => {
  const started = await harness.start({ turns: [{ steps: [{ text: 'Blue.' }] }] });
  // Between the claim and the end nobody asks for corrections: the answer is the run's first and last step.
  let corrected: Promise<unknown> | undefined;
  const tools = new Proxy(harness.worker.tools, {
    get(target, name, receiver) {
      if (name === 'forModel')
        corrected ??= correctRun(harness.sql, harness.actor, { runId: started.run.id, text: 'In red.' });
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  const run = await execute(harness, started, { ...harness.worker, tools });
  await corrected;
  expect(run).toMatchObject({ status: 'completed', steps: 1 });
  const { messages, activeRun } = await readMessages(harness.sql, harness.actor, run.threadId, { limit: 9 });
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  expect(activeRun).toMatchObject({ status: 'queued' });
  expect(await readRun(harness.sql, harness.actor, run.id)).toEqual(run);
});

it.each([99_990, 100_001])(
  'a correction of a run that ends by its budget, with %i of 100,000 tokens used, goes to the next run',
  async (inputTokens) => {
    const turns = [{ ...pausing, usage: { inputTokens, outputTokens: 1 } }];
    const started = await harness.start({ turns }, { limits: { maxTokens: 100_000 } });
    const asked = harness.model.requests.length;
    const run = await execute(harness, started, workerWithCorrection('In red.'));
    expect(run).toMatchObject({ reason: 'budget', steps: 1 });
    expect(harness.model.requests.length - asked).toBe(1);
    const { messages, activeRun } = await readMessages(harness.sql, harness.actor, run.threadId, {
      limit: 9,
    });
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(JSON.stringify(messages[2]?.parts)).toContain('In red.');
    expect(activeRun).not.toBeNull();
  },
);

it('a correction of a run whose budget has no room for a summary goes to the next run', async () => {
  const parts = [{ type: 'text', text: `${'word '.repeat(40_000)} [[scenario:crowded]]` } as const];
  // Counted as so many that the conversation has to become notes before the second answer.
  const usage = { inputTokens: 100_000, outputTokens: 1 };
  harness.model.setScenario('crowded', { turns: [{ ...pausing, usage }] });
  const started = await harness.start(
    { turns: [pausing] },
    { message: { parts }, limits: { maxTokens: 150_000 } },
  );
  const asked = harness.model.requests.length;
  const run = await execute(harness, started, workerWithCorrection('In red.'));
  expect(run).toMatchObject({ reason: 'budget', steps: 1 });
  expect(harness.model.requests.length - asked).toBe(1);
  const { messages } = await readMessages(harness.sql, harness.actor, run.threadId, { limit: 9 });
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  expect(JSON.stringify(messages[2]?.parts)).toContain('In red.');
});
