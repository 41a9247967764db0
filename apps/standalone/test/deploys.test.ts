import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { foldFrames, ordinalsOf, view } from './viewer.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ gateways: 1, workers: 2, environment: { CONCURRENCY: '20' } });
});
afterAll(() => fleet.stop());

describe('a worker that is told to stop', () => {
  it('hands 20 runs over: all go on elsewhere, and no ended step is paid for twice', async () => {
    const { model } = fleet.services;
    const first = { steps: [{ toolCall: { name: 'todo', arguments: { todos: [] } } }] };
    model.setScenario('two-steps', {
      turns: [first, { steps: [{ repeat: 'word ', times: 60, delayMs: 30 }] }],
    });
    const [leaving] = fleet.workers;
    if (!leaving) throw new Error('There is no worker.');
    const started = await Promise.all(
      Array.from({ length: 20 }, () => fleet.client.startRun({ input: '[[scenario:two-steps]]' })),
    );
    const views = started.map(({ streamUrl }) => view({ url: streamUrl, token: fleet.apiKey }));
    await expect.poll(() => model.requests.filter(({ turn }) => turn === 1).length).toBe(20);
    await fleet.remove(leaving, 'SIGTERM');

    for (const [index, { run }] of started.entries()) {
      const { frames, isDone } = (await views[index]) ?? { frames: [], isDone: false };
      expect(isDone).toBe(true);
      expect(ordinalsOf(frames)).toEqual(ordinalsOf(frames).map((_, position) => position + 1));
      const { messages } = await fleet.client.messages(run.threadId);
      expect(await foldFrames(frames)).toEqual(messages.at(-1));
      expect((await fleet.client.getRun(run.id)).run).toMatchObject({
        status: 'completed',
        reason: 'answered',
      });
    }
    expect(model.requests.filter(({ turn }) => turn === 0)).toHaveLength(20);
  });
});
