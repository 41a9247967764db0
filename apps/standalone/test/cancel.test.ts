import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './stack.ts';
import { foldFrames } from '../fleet/frames.ts';
import { view } from './viewer.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 120_000);
afterAll(() => stack.stop(), 30_000);

describe('cancel', () => {
  it('aborts a silent model, keeps the partial text and says when', async () => {
    await stack.setScenario('half-said', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
    const { run, streamUrl } = await stack.startRun('[[scenario:half-said]]');
    const viewed = view({ url: streamUrl, token: stack.apiKey });
    await expect.poll(() => stack.readAnswerText(run), { timeout: 10_000 }).toBe('');
    await expect
      .poll(async () => (await stack.modelRequests('half-said')).length, { timeout: 10_000 })
      .toBe(1);

    const receipt = await stack.client.cancel(run.id);
    expect(receipt.cancel?.acceptedAt).toBeTruthy();
    const { frames, isDone } = await viewed;
    expect(isDone).toBe(true);
    expect(frames.map(({ data }) => (JSON.parse(data) as { type: string }).type).at(-1)).toBe('abort');

    const ended = await stack.readRun(run.id);
    expect(ended).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    expect(ended.cancel?.modelAbortedAt).toBeTruthy();
    expect(await stack.readAnswerText(run)).toBe('Half a');
    expect(await foldFrames(frames)).toEqual(await stack.readAnswer(run));
    await expect
      .poll(async () => (await stack.modelRequests('half-said'))[0]?.abortedAt ?? null)
      .not.toBeNull();
  });

  it('kills the running command, so that nothing of it goes on', async () => {
    await stack.setScenario('long-command', {
      turns: [
        {
          steps: [
            {
              toolCall: {
                name: 'shell',
                arguments: { command: 'echo started; (sleep 2; touch late.txt) & sleep 600' },
              },
            },
          ],
        },
      ],
    });
    const { run } = await stack.startRun('[[scenario:long-command]]');
    for await (const event of stack.client.followRun(run.id)) {
      if (event.chunk.type === 'data-tool-output' && event.chunk.data.text.includes('started')) break;
    }
    await stack.client.cancel(run.id);
    const { run: ended } = await stack.client.getRun(run.id, { waitMs: 30_000 });
    expect(ended.status).toBe('cancelled');
    expect(ended.cancel?.toolKilledAt).toBeTruthy();

    // The background child would have written its file two seconds after it was started.
    await stack.setScenario('look', {
      turns: [
        { steps: [{ toolCall: { name: 'shell', arguments: { command: 'sleep 3; ls; ps aux || true' } } }] },
        { steps: [{ text: 'Looked.' }] },
      ],
    });
    const look = await stack.startRun('[[scenario:look]]', { threadId: run.threadId });
    await stack.client.getRun(look.run.id, { waitMs: 30_000 });
    const output = JSON.stringify(await stack.readAnswer(look.run));
    expect(output).toContain('Looked.');
    expect(output).not.toContain('late.txt');
    expect(output).not.toContain('sleep 600');
  });

  it('is idempotent and never rewrites an ended run', async () => {
    await stack.setScenario('short', { turns: [{ steps: [{ text: 'Done.' }] }] });
    const { run } = await stack.startRun('[[scenario:short]]');
    const { run: ended } = await stack.client.getRun(run.id, { waitMs: 30_000 });
    expect(ended.status).toBe('completed');
    const first = await stack.client.cancel(run.id);
    const second = await stack.client.cancel(run.id);
    expect(first.run).toEqual(ended);
    expect(second.run).toEqual(ended);
  });

  it('is not what a viewer does who goes away', async () => {
    await stack.setScenario('slow', {
      turns: [{ steps: [{ repeat: 'word ', times: 30, delayMs: 30 }] }],
    });
    const { run, streamUrl } = await stack.startRun('[[scenario:slow]]');
    await view({ url: streamUrl, token: stack.apiKey, maxEvents: 5 });
    const { run: ended } = await stack.client.getRun(run.id, { waitMs: 30_000 });
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered' });
  });
});
