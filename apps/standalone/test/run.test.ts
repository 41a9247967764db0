import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './stack.ts';
import { foldFrames, ordinalsOf } from '../fleet/frames.ts';
import { view, viewReconnecting } from './viewer.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  await stack.setScenario('stall', { turns: [{ steps: [{ stall: true }] }] });
  await stack.setScenario('short', { turns: [{ steps: [{ text: 'Done.' }] }] });
}, 120_000);
afterAll(() => stack.stop(), 30_000);

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('a run from its request to its end', () => {
  it('completes a small task and stores exactly the message that was streamed', async () => {
    const { run, streamUrl } = await stack.startRun('Write hello into a file and show it.');
    const { frames, isDone } = await view({ url: streamUrl, token: stack.apiKey });
    expect(isDone).toBe(true);
    const ended = await stack.readRun(run.id);
    expect(ended).toMatchObject({ status: 'completed', reason: 'finished', lastEventId: frames.at(-1)?.id });
    expect(ended.steps).toBeGreaterThan(1);
    expect(ended.usage.totalTokens).toBeGreaterThan(0);
    expect(await foldFrames(frames)).toEqual(await stack.readAnswer(run));
    // What they saw is held against /openapi.json.
    await stack.answers.expectDocumented();
    expect([...stack.answers.succeeded]).toEqual(
      expect.arrayContaining([
        'POST /v1/runs',
        'GET /v1/runs/{id}',
        'GET /v1/runs/{id}/stream',
        'GET /v1/threads/{threadId}/messages',
      ]),
    );
  });

  it('shows three viewers the same message: steady, cut off at every event, and late', async () => {
    const { run, streamUrl } = await stack.startRun('Count to three in a file, then show it.');
    const viewer = { url: streamUrl, token: stack.apiKey };
    const [steady, cut] = await Promise.all([view(viewer), viewReconnecting(viewer)]);
    const late = await view(viewer);

    const stored = await stack.readAnswer(run);
    for (const frames of [steady.frames, cut, late.frames]) {
      const ordinals = ordinalsOf(frames);
      expect(ordinals).toEqual(upTo(ordinals.length));
      expect(await foldFrames(frames.filter(({ id }) => id !== null))).toEqual(stored);
    }
    expect(ordinalsOf(cut)).toHaveLength(ordinalsOf(steady.frames).length);
    expect(ordinalsOf(late.frames)).toHaveLength(ordinalsOf(steady.frames).length);
  });

  it('runs two threads side by side', async () => {
    const stalled = await stack.startRun('[[scenario:stall]]');
    const other = await stack.startRun('Say hello in a file.');
    const { isDone } = await view({ url: other.streamUrl, token: stack.apiKey });
    expect(isDone).toBe(true);
    expect((await stack.readRun(stalled.run.id)).status).toBe('running');
    await stack.client.cancel(stalled.run.id);
  });

  it('refuses a second run in a busy thread and takes one when it is free', async () => {
    const first = await stack.startRun('[[scenario:stall]]');
    await expect(stack.startRun('Again.', { threadId: first.run.threadId })).rejects.toMatchObject({
      code: 'run_active',
    });
    await stack.client.cancel(first.run.id);
    await expect.poll(async () => (await stack.readRun(first.run.id)).status).toBe('cancelled');
    const second = await stack.startRun('[[scenario:short]]', { threadId: first.run.threadId });
    await view({ url: second.streamUrl, token: stack.apiKey });
    expect((await stack.readRun(second.run.id)).status).toBe('completed');
  });
});
