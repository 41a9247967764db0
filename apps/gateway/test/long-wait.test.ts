import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
import { newChat, readToEnd, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect, fold } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

async function bufferedBytes(): Promise<number> {
  const status = (await (await fetch(`${stack.adminUrl}/status`)).json()) as { bufferedBytes: number };
  return status.bufferedBytes;
}

test('a long run that waits and has no log any more is bounded in memory for who takes nothing of it, and whole for others', async () => {
  const chat = newChat(stack);
  const sent = await chat.send(userMessage('Deploy.'));
  const run = await chat.runOf(sent);
  sent.close();
  const work = await startWork(stack, run);
  for (let step = 0; step < 100; step += 1) await work.step(`${step} ${'x'.repeat(128 * 1024)}`);
  await work.ask('May I?');
  await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);

  const open = () => connect(`${stack.url}/v1/runs/${run.id}/stream?until=wait`, { token: chat.token });
  const [idle, quick] = await Promise.all([open(), open()]);
  idle.pause();
  const chunks = await readToEnd(quick);
  expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'tool-calls' });
  expect((await fold(chunks)).parts).toEqual((await chat.messages())[1]?.parts);
  // 13 MB stand before him; what waits is the bound and the one piece that crossed it.
  const { viewerBufferBytes, pageBytes } = limits.stream;
  await expect.poll(bufferedBytes, { timeout: 20_000 }).toBeGreaterThan(viewerBufferBytes);
  expect(await bufferedBytes()).toBeLessThan(viewerBufferBytes + 4 * pageBytes);
  idle.close();
});
