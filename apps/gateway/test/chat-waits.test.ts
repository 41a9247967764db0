import { type Chunk, formatEventId, metadataOfRun, type Run } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newChat, readToEnd, readUntil, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect, fold } from './viewer.ts';
import { startWork, type Work } from './worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** Parks a run as its worker would: the store first, then the event. */
async function park(run: Run, work: Work, { isShown = true } = {}): Promise<string> {
  const waitEventId = formatEventId({ epoch: work.epoch, ordinal: work.lastOrdinal + 1 });
  await stack.sql`
    update runs set status = 'awaiting-approval', wait_event_id = ${waitEventId}, last_ordinal = ${work.lastOrdinal + 1}
    where id = ${run.id}`;
  const data = { runId: run.id, status: 'awaiting-approval', epoch: work.epoch } as const;
  if (isShown) await work.append([{ type: 'data-run', data, transient: true }]);
  return waitEventId;
}

const finishOf = (run: Run): Chunk => ({
  type: 'finish',
  finishReason: 'tool-calls',
  messageMetadata: metadataOfRun(run),
});

describe('where a run waits for a person', () => {
  test('a chat’s stream ends, for those who see it come and those who come later', async () => {
    const chat = newChat(stack);
    const message = userMessage('Deploy.');
    const early = await chat.send(message);
    const run = await chat.runOf(early);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work);
    const waiting = (await stack.client(chat.token).getRun(run.id)).run;
    for (const connection of [early, await chat.resume(), await chat.send(message)]) {
      const chunks = await readToEnd(connection);
      expect(chunks.at(-1)).toEqual(finishOf(waiting));
      expect(await fold(chunks)).toEqual((await chat.messages())[1]);
    }
  });

  test('the run’s own stream stays open and shows what follows', async () => {
    const chat = newChat(stack);
    const chatting = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(chatting);
    const own = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token: chat.token });
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work);
    await readToEnd(chatting);
    await stack.sql`update runs set status = 'queued', wakeup = wakeup + 1 where id = ${run.id}`;
    const next = await startWork(stack, run);
    await next.append([{ type: 'start-step' }, { type: 'finish-step' }]);
    await next.finish('answered');
    const chunks = await readToEnd(own);
    expect(chunks.map(({ type }) => type)).toContain('data-run');
    expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
  });

  test('a wait that was answered long ago ends nobody’s stream', async () => {
    const chat = newChat(stack);
    const first = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(first);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work);
    await readToEnd(first);
    await stack.sql`update runs set status = 'queued', wakeup = wakeup + 1 where id = ${run.id}`;
    // The wait is the last event of the log while nobody has claimed the run yet.
    const late = await chat.resume();
    await readUntil(late, 'text-end');
    const next = await startWork(stack, run);
    await next.finish('answered');
    expect((await readToEnd(late)).at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
  });

  test('an answer that is sent again is shown the same message, and only what follows the wait', async () => {
    const chat = newChat(stack);
    const first = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(first);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work);
    await readToEnd(first);
    const part = {
      type: 'tool-deploy',
      toolCallId: 'call-1',
      state: 'approval-responded',
      input: {},
      approval: { id: 'approval-1', approved: true },
    };
    const answer = { id: run.messageId, role: 'assistant', parts: [part] } as const;
    // Nobody has taken the answer: it is refused, not lost.
    expect((await chat.send(answer)).status).toBe(409);
    await stack.sql`update runs set status = 'queued', wakeup = wakeup + 1 where id = ${run.id}`;
    const going = await chat.send(answer);
    const next = await startWork(stack, run);
    await next.append([{ type: 'start-step' }, { type: 'finish-step' }]);
    await next.finish('answered');
    const ended = await chat.send(answer);
    for (const connection of [going, ended]) {
      const chunks = await readToEnd(connection);
      expect(chunks[0]).toEqual({ type: 'start', messageId: run.messageId });
      expect(chunks.slice(1).map(({ type }) => type)).not.toContain('start');
      expect(JSON.stringify(chunks)).not.toContain('May I?');
      expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
    }
    expect((await newChat(stack).send(answer)).status).toBe(404);
  });

  test('a log that never shows the wait is not waited for', async () => {
    const chat = newChat(stack);
    const connection = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(connection);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work, { isShown: false });
    expect((await readToEnd(connection)).at(-1)).toMatchObject({
      type: 'finish',
      finishReason: 'tool-calls',
    });
  });

  test('a viewer who lacks more than the wait when the log is lost is cut off, and shown what is stored', async () => {
    const chat = newChat(stack);
    const connection = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(connection);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await readUntil(connection, 'finish-step');
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const waitEventId = formatEventId({ epoch: work.epoch, ordinal: work.lastOrdinal + 3 });
    await stack.sql`
      update runs set status = 'awaiting-approval', wait_event_id = ${waitEventId} where id = ${run.id}`;
    await expect(connection.next()).rejects.toThrow('cut');
    expect(await fold(await readToEnd(await chat.resume()))).toEqual((await chat.messages())[1]);
  });

  test('a run’s own stream ends there too when it is asked to, from any cursor', async () => {
    const chat = newChat(stack);
    const first = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(first);
    const work = await startWork(stack, run);
    await work.step('May I?');
    const waitEventId = await park(run, work);
    const whole = await readToEnd(first);
    const untilWait = async (lastEventId: string | null) =>
      await readToEnd(
        await connect(`${stack.url}/v1/runs/${run.id}/stream?until=wait`, { token: chat.token, lastEventId }),
      );
    expect(await untilWait(`${work.epoch}-3`)).toEqual(whole.slice(-(work.lastOrdinal - 2)));
    expect(await untilWait(waitEventId)).toEqual([whole.at(-1)]);
    const ofAnotherLog = await untilWait('7-3');
    expect(ofAnotherLog[0]?.type).toBe('start');
    expect(await fold(ofAnotherLog)).toEqual((await chat.messages())[1]);
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    expect(await untilWait(waitEventId)).toEqual([whole.at(-1)]);
    const unknown = await connect(`${stack.url}/v1/runs/${run.id}/stream?until=end`, { token: chat.token });
    expect(unknown.status).toBe(400);
  });

  test('a viewer whose run has lost its log is shown what is stored', async () => {
    const chat = newChat(stack);
    const connection = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(connection);
    const work = await startWork(stack, run);
    await work.step('May I?');
    await park(run, work);
    await readToEnd(connection);
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    expect(await fold(await readToEnd(await chat.resume()))).toEqual((await chat.messages())[1]);
  });
});

test('a chat’s stream of a gateway that stops is cut, never ended, and says when to come back', async () => {
  const another = await stack.startAnother();
  const chat = newChat({ ...stack, url: another.url });
  const connection = await chat.send(userMessage('Tell me.'));
  await readUntil(connection, 'data-run');
  await another.drain();
  await expect(connection.next()).rejects.toThrow('cut');
  expect(connection.text).toMatch(/retry: \d+\n\n/);
  expect(connection.text).not.toContain('[DONE]');
});

test('a failed run ends with metadata before its error, and with [DONE]', async () => {
  const chat = newChat(stack);
  const connection = await chat.send(userMessage('Fail.'));
  const work = await startWork(stack, await chat.runOf(connection));
  await work.step('Trying.');
  await work.finish('model-error');
  const chunks = await readToEnd(connection);
  expect(chunks.slice(-2)).toMatchObject([
    { type: 'message-metadata', messageMetadata: { status: 'failed', reason: 'model-error' } },
    { type: 'error' },
  ]);
});
