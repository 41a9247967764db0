import type { Run } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newChat, readToEnd, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { startWork } from './worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** A person's run that a worker is at. */
async function newRun() {
  const { token } = stack.signIn();
  const client = stack.client(token);
  const { run } = await client.startRun({ input: 'Deploy.' });
  return { token, client, run, work: await startWork(stack, run) };
}

const statusOf = async ({ id }: Run) =>
  (await stack.sql<{ status: string }[]>`select status from runs where id = ${id}`)[0]?.status;

describe('POST /v1/runs/:id/approvals/:approvalId', () => {
  test('lets the run go on with the answer, and a repetition changes nothing', async () => {
    const { client, run, work } = await newRun();
    const { approval } = await work.ask('May I?');
    const answer = { approved: false, reason: 'Too dear.' };
    const { run: answered } = await client.approve(run.id, approval.id, answer);
    expect(answered.status).toBe('queued');
    expect((await client.approve(run.id, approval.id, answer)).run).toEqual(answered);
    await expect(client.approve(run.id, approval.id, { approved: true })).rejects.toMatchObject({
      status: 409,
      code: 'conflict',
    });
    // The queue has it: nobody waits for the sweep.
    expect((await client.getRun(run.id)).queue).toEqual({ position: expect.any(Number) });
  });

  test('is 409 once the time for the answer is over, with no worker that has noticed', async () => {
    const { client, run, work } = await newRun();
    const { approval } = await work.ask('May I?');
    await stack.sql`update approvals set expires_at = now() where run_id = ${run.id}`;
    await expect(client.approve(run.id, approval.id, { approved: true })).rejects.toMatchObject({
      status: 409,
      code: 'conflict',
      detail: expect.stringContaining('came too late'),
    });
    expect(await statusOf(run)).toBe('awaiting-approval');
  });

  test('is 404 for whoever may not read the run, and for an approval of another run', async () => {
    const { client, run, work } = await newRun();
    const { approval } = await work.ask('May I?');
    const stranger = stack.client(stack.signIn().token);
    await expect(stranger.approve(run.id, approval.id, { approved: true })).rejects.toMatchObject({
      status: 404,
    });
    const other = await client.startRun({ input: 'Another.' });
    await expect(client.approve(other.run.id, approval.id, { approved: true })).rejects.toMatchObject({
      status: 404,
    });
    expect(await statusOf(run)).toBe('awaiting-approval');
  });

  test.each([
    ['nothing', {}, '/approved'],
    ['a text for a claim', { approved: 'yes' }, '/approved'],
    ['a member that is not known', { approved: true, input: {} }, '/input'],
    ['NUL in the reason', { approved: true, reason: 'a\u0000b' }, '/reason'],
  ])('refuses %s', async (_name, body, pointer) => {
    const { token, run, work } = await newRun();
    const { approval } = await work.ask('May I?');
    const response = await fetch(`${stack.url}/v1/runs/${run.id}/approvals/${approval.id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(await response.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      errors: [{ pointer }],
    });
    expect(await statusOf(run)).toBe('awaiting-approval');
  });
});

describe('POST /v1/runs/:id/messages', () => {
  test('is read by a run that goes on, and answered by a new one when that has ended', async () => {
    const { client, run, work } = await newRun();
    expect(await client.steer(run.id, 'In red.')).toMatchObject({
      outcome: 'next-step',
      run: { id: run.id },
    });
    await work.finish('answered');
    const late = await client.steer(run.id, 'And round.');
    expect(late).toMatchObject({ outcome: 'new-run', run: { threadId: run.threadId, status: 'pending' } });
    const { messages } = await client.messages(run.threadId);
    const texts = messages.map(({ parts }) =>
      parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    );
    expect(texts).toEqual(['Deploy.', '', 'In red.', '', 'And round.', '']);
    // The first correction's own run is before it.
    const { activeRun } = await client.messages(run.threadId);
    expect(activeRun).toMatchObject({ status: 'queued' });
    expect(activeRun?.id).not.toBe(late.run.id);
  });

  test.each([{}, { text: '' }, { text: '  ' }, { text: 'a\u0000b' }, { text: 1 }])(
    'refuses %o',
    async (body) => {
      const { token, run, client } = await newRun();
      const response = await fetch(`${stack.url}/v1/runs/${run.id}/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(await response.json()).toMatchObject({ status: 400, code: 'invalid_request' });
      expect((await client.messages(run.threadId)).messages).toHaveLength(2);
    },
  );
});

test('a stop ends a run that waits, for the chat that shows it too', async () => {
  const chat = newChat(stack);
  const sent = await chat.send(userMessage('Deploy.'));
  const run = await chat.runOf(sent);
  const { approval } = await (await startWork(stack, run)).ask('May I?');
  await readToEnd(sent);
  expect((await chat.stop()).body.run).toMatchObject({ id: run.id, status: 'queued' });
  await expect(
    stack.client(chat.token).approve(run.id, approval.id, { approved: true }),
  ).rejects.toMatchObject({
    code: 'conflict',
  });
  const work = await startWork(stack, run);
  await work.finish('answered');
  expect(await statusOf(run)).toBe('cancelled');
});
