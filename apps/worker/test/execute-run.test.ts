import { defineTool } from '@switchyard/agent';
import { updateProject } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { foldMessage } from '@switchyard/agent/test';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';

const echo = defineTool({
  name: 'echo',
  description: 'Says the text again.',
  inputSchema: z.object({ text: z.string() }),
  effect: 'read',
  needs: 'nothing',
  execute: async ({ text }) => ({ outcome: 'ok', output: { said: text } }),
});

const complete = defineTool({
  name: 'complete',
  description: 'Ends the run.',
  inputSchema: z.object({ text: z.string() }),
  effect: 'once',
  needs: 'nothing',
  execute: async ({ text }) => ({ outcome: 'ok', output: { text }, end: { reason: 'finished' } }),
});

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo, complete]);
});
afterAll(async () => {
  await harness.stop();
});

async function expectFoldToEqualStore(run: Awaited<ReturnType<typeof execute>>) {
  const chunks = await chunksOfLog(harness.redis, run.id);
  expect(await foldMessage(chunks)).toEqual(await storedMessage(harness, run));
  return chunks;
}

describe('a run', () => {
  it('that is answered plainly is stored and streamed alike', async () => {
    const started = await harness.start({ turns: [{ steps: [{ text: ['Hel', 'lo ', '😀'] }] }] });
    const run = await execute(harness, started);
    expect(run).toMatchObject({ status: 'completed', reason: 'answered', steps: 1, error: null });
    const chunks = await expectFoldToEqualStore(run);
    expect(chunks.map(({ type }) => type)).toEqual([
      'start',
      'data-run',
      'start-step',
      'text-start',
      expect.stringMatching('text-delta'),
      ...chunks.slice(5, -4).map(({ type }) => type),
      'text-end',
      'finish-step',
      'message-metadata',
      'finish',
    ]);
    expect(run.lastEventId).toBe(`1-${chunks.length}`);
  });

  it('tells the model what the project asks of all runs, then what this one is asked', async () => {
    const { project } = await harness.start({ turns: [{ steps: [{ text: 'Hello.' }] }] });
    await updateProject(harness.sql, harness.actor, project.id, { instructions: 'Figures in euros.' });
    const started = await harness.start(
      { turns: [{ steps: [{ text: 'Hello.' }] }] },
      { projectId: project.id, instructions: 'Answer in rhymes.' },
    );
    await execute(harness, started);
    const [system] = (harness.model.requests.at(-1)?.body.messages ?? []) as { content: string }[];
    expect(system?.content).toMatch(
      /# Instructions for this project\n\nFigures in euros\.\n\n# Instructions for this run\n\nAnswer in rhymes\.$/,
    );
  });

  it('calls tools and ends with complete', async () => {
    const started = await harness.start({
      turns: [
        {
          steps: [
            { reasoning: ['hm', 'm'] },
            { text: 'Looking.' },
            { toolCall: { name: 'echo', arguments: { text: 'a' }, pieces: 3 } },
            { toolCall: { name: 'echo', arguments: { text: 'b' } } },
          ],
        },
        { steps: [{ toolCall: { name: 'complete', arguments: { text: 'done' } } }] },
      ],
    });
    const run = await execute(harness, started);
    expect(run).toMatchObject({ status: 'completed', reason: 'finished', steps: 2 });
    await expectFoldToEqualStore(run);
  });
});
