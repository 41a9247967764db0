import { afterAll, beforeAll, expect, test } from 'vitest';
import { newChat, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect, type Connection } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
let token: string;
let accountId: string;
beforeAll(async () => {
  stack = await startStack({ LOG_LEVEL: 'info' });
  ({ token } = stack.signIn());
  ({ accountId } = await stack.client(token).me());
});
afterAll(() => stack.stop());

/** What the log says of one request. */
function linesOf(requestId: unknown): Record<string, unknown>[] {
  return stack.logged
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['requestId'] === requestId);
}

const requestIdOf = ({ headers }: Connection) => headers['x-request-id'];

test('a request has one line, with who asked, what, and how it was answered', async () => {
  const headers = { authorization: `Bearer ${token}` };
  const found = await fetch(`${stack.url}/v1/me`, { headers });
  const [line, ...others] = linesOf(found.headers.get('x-request-id'));
  expect(line).toMatchObject({ msg: 'request', method: 'GET', path: '/v1/me', status: 200, accountId });
  expect(others).toEqual([]);
  const missing = await fetch(`${stack.url}/v1/runs/none`, { headers });
  expect(linesOf(missing.headers.get('x-request-id'))).toMatchObject([
    { msg: 'request', status: 404, outcome: 'not_found' },
  ]);
});

test('a stream has one line, at its end, whoever ends it', async () => {
  const { run } = await stack.client(token).startRun({ input: 'Be watched.' });
  const url = `${stack.url}/v1/runs/${run.id}/stream`;
  const leaving = await connect(url, { token });
  const staying = await connect(url, { token });
  await leaving.next();
  expect(linesOf(requestIdOf(leaving))).toEqual([]);
  leaving.close();
  const line = { msg: 'stream', method: 'GET', status: 200, accountId, runId: run.id };
  await expect.poll(() => linesOf(requestIdOf(leaving))).toMatchObject([{ ...line, outcome: 'closed' }]);

  const work = await startWork(stack, run);
  await work.finish('finished');
  while (await staying.next());
  await expect.poll(() => linesOf(requestIdOf(staying))).toMatchObject([{ ...line, outcome: 'ended' }]);
});

test('a chat and a viewer with a ticket have the same', async () => {
  const sent = await newChat(stack, { token }).send(userMessage('Hello.'));
  const runId = String(sent.headers['x-run-id']);
  const { streamUrl } = await stack.client(token).createTicket(runId);
  const watching = await connect(streamUrl, {});
  for (const connection of [sent, watching]) connection.close();
  await expect
    .poll(() => linesOf(requestIdOf(sent)))
    .toMatchObject([{ msg: 'stream', method: 'POST', status: 200, accountId, runId }]);
  await expect
    .poll(() => linesOf(requestIdOf(watching)))
    .toMatchObject([{ msg: 'stream', method: 'GET', status: 200, runId }]);
  expect(linesOf(requestIdOf(watching))[0]).not.toHaveProperty('accountId');
});
