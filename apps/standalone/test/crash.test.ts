import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './stack.ts';
import { foldFrames, ordinalsOf } from '../fleet/frames.ts';
import { view } from './viewer.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 120_000);
afterAll(() => stack.stop(), 30_000);

describe('a worker that is killed in mid-step', () => {
  it('leaves its run to the next one, and viewers see neither gap nor repeat', async () => {
    await stack.setScenario('slow-words', {
      turns: [
        {
          steps: [
            {
              toolCall: {
                name: 'shell',
                arguments: { command: 'echo once >> marker.txt; wc -l < marker.txt' },
              },
            },
          ],
        },
        { steps: [{ repeat: 'word ', times: 100, delayMs: 30 }] },
      ],
    });
    const { run, streamUrl } = await stack.startRun('[[scenario:slow-words]]');
    const viewed = view({ url: streamUrl, token: stack.apiKey });
    let deltas = 0;
    for await (const event of stack.client.followRun(run.id)) {
      if (event.chunk.type === 'text-delta') deltas += 1;
      if (deltas === 5) break;
    }
    const worker = await stack.workerPid();
    process.kill(worker, 'SIGKILL');

    const { frames, isDone } = await viewed;
    expect(isDone).toBe(true);
    const ordinals = ordinalsOf(frames);
    expect(ordinals).toEqual(Array.from({ length: ordinals.length }, (_, index) => index + 1));
    expect(new Set(frames.flatMap(({ id }) => (id ? [id.split('-')[0]] : []))).size).toBe(2);
    expect(frames.some(({ data }) => data.includes('"reset-step"'))).toBe(true);

    const ended = await stack.readRun(run.id);
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered' });
    const answer = await stack.readAnswer(run);
    expect(await foldFrames(frames)).toEqual(answer);
    expect(await stack.readAnswerText(run)).toBe('word '.repeat(100));
    expect(new TextDecoder().decode(await stack.client.readFile(run.projectId, 'marker.txt'))).toBe('once\n');
    expect(await stack.workerPid()).not.toBe(worker);
  });

  it('never runs a command with side effects twice', async () => {
    await stack.setScenario('marking', {
      turns: [
        {
          steps: [
            {
              toolCall: {
                name: 'shell',
                arguments: { command: 'echo once >> marker.txt; echo marked; sleep 4' },
              },
            },
          ],
        },
        { steps: [{ text: 'Marked.' }] },
      ],
    });
    const { run } = await stack.startRun('[[scenario:marking]]');
    for await (const event of stack.client.followRun(run.id)) {
      if (event.chunk.type === 'data-tool-output' && event.chunk.data.text.includes('marked')) break;
    }
    process.kill(await stack.workerPid(), 'SIGKILL');
    const { run: ended } = await stack.client.getRun(run.id, { waitMs: 60_000 });
    expect(ended.status).toBe('completed');
    expect(new TextDecoder().decode(await stack.client.readFile(run.projectId, 'marker.txt'))).toBe('once\n');
  });
});
