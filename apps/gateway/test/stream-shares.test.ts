import { afterAll, beforeAll, expect, test } from 'vitest';
import { newChat, readToEnd, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect } from './viewer.ts';
import { startWork } from './worker.ts';

const share = 3;
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ STREAMS_PER_ACCOUNT: String(share) });
});
afterAll(() => stack.stop());

async function countRuns(): Promise<number> {
  const [row] = await stack.sql<{ count: number }[]>`select count(*)::integer as count from runs`;
  return row?.count ?? 0;
}

test('an account has so many streams at a time, by token and by ticket together; who leaves makes room', async () => {
  const { token } = stack.signIn();
  const client = stack.client(token);
  const { run } = await client.startRun({ input: 'Be watched.' });
  const { streamUrl } = await client.createTicket(run.id);
  const byToken = () => connect(`${stack.url}/v1/runs/${run.id}/stream`, { token });
  const byTicket = () => connect(streamUrl, {});
  const open = [await byToken(), await byTicket(), await byToken()];
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const refused of [await byToken(), await byTicket()]) {
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    await refused.next();
    expect(refused.text).toContain('"code":"rate_limited"');
  }

  const other = newChat(stack);
  const theirs = await other.send(userMessage('Hello.'));
  expect(theirs.status).toBe(200);
  theirs.close();

  open[1]?.close();
  await expect.poll(async () => (await byTicket()).status).toBe(200);
  const work = await startWork(stack, run);
  await work.finish('finished');
  for (const connection of open.slice(0, 1)) await readToEnd(connection);
  // Their streams are over, and so is the ticket's.
  await expect
    .poll(async () => (await newChat(stack, { token }).send(userMessage('More.'))).status)
    .toBe(200);
});

test('no run is started whose stream would be refused', async () => {
  const { token } = stack.signIn();
  const { run } = await stack.client(token).startRun({ input: 'Be watched.' });
  const url = `${stack.url}/v1/runs/${run.id}/stream`;
  for (let count = 0; count < share; count += 1) expect((await connect(url, { token })).status).toBe(200);
  const before = await countRuns();
  expect((await newChat(stack, { token }).send(userMessage('Hello.'))).status).toBe(429);
  const started = await connect(`${stack.url}/v1/runs`, { token, body: { input: 'Go.', stream: true } });
  expect(started.status).toBe(429);
  expect(await countRuns()).toBe(before);
  await stack.client(token).startRun({ input: 'Unwatched.' });
});
