import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

describe('POST /v1/runs', () => {
  test('starts a run with a thread and a project of its own', async () => {
    const { token } = stack.signIn();
    const client = stack.client(token);
    const { run, thread, project, streamUrl } = await client.startRun({ input: 'Say hello.' });
    expect(run).toMatchObject({
      status: 'queued',
      threadId: thread.id,
      projectId: project.id,
      model: 'scripted:demo',
    });
    expect(streamUrl).toBe(`${stack.url}/v1/runs/${run.id}/stream`);
    expect((await client.getRun(run.id)).queue).toEqual({ position: expect.any(Number) });
    const { messages, activeRun } = await client.messages(thread.id);
    expect(messages[0]).toMatchObject({ role: 'user', parts: [{ type: 'text', text: 'Say hello.' }] });
    expect(activeRun?.id).toBe(run.id);
  });
});
