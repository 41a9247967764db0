import { type Chunk, chunksOfParts, formatEventId, metadataOfRun, type Run } from '@switchyard/protocol';
import { setToolState, snapshot } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newChat, readToEnd, readUntil, userMessage } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect, fold } from './viewer.ts';
import { type AskedCall, startWork } from './worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** The part of a call as useChat sends it back once a person has answered. */
function answered({ approval, ...call }: AskedCall, approved: boolean, reason?: string) {
  return { ...call, state: 'approval-responded', approval: { id: approval.id, approved, reason } };
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
    await work.ask('May I?');
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
    const asked = await work.ask('May I?');
    await readToEnd(chatting);
    await stack.client(chat.token).approve(run.id, asked.approval.id, { approved: true });
    const next = await startWork(stack, run);
    await next.append([{ type: 'finish-step' }, { type: 'start-step' }, { type: 'finish-step' }]);
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
    const asked = await work.ask('May I?');
    await readToEnd(first);
    await stack.client(chat.token).approve(run.id, asked.approval.id, { approved: true });
    // The wait is the last event of the log while nobody has claimed the run yet.
    const late = await chat.resume();
    await readUntil(late, 'text-end');
    const next = await startWork(stack, run);
    await next.finish('answered');
    expect((await readToEnd(late)).at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
  });

  test('the answer goes on with the same message and only what follows the wait, also when it is sent again', async () => {
    const chat = newChat(stack);
    const first = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(first);
    const work = await startWork(stack, run);
    const asked = await work.ask('May I?');
    await readToEnd(first);
    const answer = { id: run.messageId, role: 'assistant', parts: [answered(asked, true)] } as const;
    const going = await chat.send(answer);
    const again = await chat.send(answer);
    const next = await startWork(stack, run);
    await next.append([{ type: 'finish-step' }, { type: 'start-step' }, { type: 'finish-step' }]);
    await next.finish('answered');
    const ended = await chat.send(answer);
    for (const connection of [going, again, ended]) {
      const chunks = await readToEnd(connection);
      expect(chunks[0]).toEqual({ type: 'start', messageId: run.messageId });
      expect(chunks.slice(1).map(({ type }) => type)).not.toContain('start');
      expect(JSON.stringify(chunks)).not.toContain('May I?');
      expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
    }
    // Another answer comes too late; another person's never counts.
    const other = { ...answer, parts: [answered(asked, false)] };
    expect((await chat.send(other)).status).toBe(409);
    expect((await newChat(stack).send(answer)).status).toBe(404);
  });

  test('the answer to the first of two waits goes on after the first, whenever it is sent', async () => {
    const chat = newChat(stack);
    const sent = await chat.send(userMessage('Deploy twice.'));
    const run = await chat.runOf(sent);
    const first = await (await startWork(stack, run)).ask('Once?');
    await readToEnd(sent);
    const answer = { id: run.messageId, role: 'assistant', parts: [answered(first, true)] } as const;
    const going = await chat.send(answer);
    const work = await startWork(stack, run);
    await work.append([
      { type: 'tool-output-available', toolCallId: first.toolCallId, output: 'once' },
      { type: 'finish-step' },
    ]);
    await work.ask('Twice?');
    for (const connection of [going, await chat.send(answer)]) {
      const text = JSON.stringify(await readToEnd(connection));
      expect(text).toContain('once');
      expect(text).toContain('Twice?');
      expect(text).not.toContain('Once?');
    }
  });

  test.each(['was lost', 'never got the wait'])('the answer goes on where the log %s', async (how) => {
    const chat = newChat(stack);
    const sent = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(sent);
    const work = await startWork(stack, run);
    const asked = await work.ask('May I?', { isShown: how === 'was lost' });
    const { lastOrdinal } = work;
    const before = await readToEnd(sent);
    if (how === 'was lost') await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const going = await chat.send({
      id: run.messageId,
      role: 'assistant',
      parts: [answered(asked, true)],
    });
    // As the next worker does: it shows the waiting step anew, in the log that is there or in one that begins with it.
    const { parts } = await snapshot(stack.sql, { runId: run.id });
    const step = (reopened: boolean) =>
      chunksOfParts(
        parts.map(({ part }) => part),
        { closeLastStep: false, reopened },
      );
    const base = { ordinal: lastOrdinal - 2, storedSteps: 0, inStep: false };
    const next = await startWork(stack, run, how === 'was lost' ? { base } : {});
    await next.append(how === 'was lost' ? step(false) : [{ type: 'reset-step' }, ...step(true)]);
    const { toolCallId } = asked;
    await setToolState(stack.sql, {
      runId: run.id,
      epoch: next.epoch,
      callId: toolCallId,
      ledger: 'done',
      part: {
        ...asked,
        state: 'output-available',
        output: 'done',
        approval: { ...asked.approval, approved: true },
      },
      lastOrdinal: next.lastOrdinal,
    });
    await next.append([
      { type: 'tool-output-available', toolCallId, output: 'done' },
      { type: 'finish-step' },
    ]);
    await next.finish('answered');
    const after = await readToEnd(going);
    expect(after.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
    expect(await fold(after, await fold(before))).toEqual((await chat.messages())[1]);
  });

  test('a run’s own stream shows a wait that its log never got, and goes on after it', async () => {
    const chat = newChat(stack);
    const sent = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(sent);
    const own = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token: chat.token });
    const asked = await (await startWork(stack, run)).ask('May I?', { isShown: false });
    const request = await readUntil(own, 'tool-approval-request');
    expect(request).toMatchObject({ approvalId: asked.approval.id });
    expect(await readUntil(own, 'data-run')).toMatchObject({ data: { status: 'awaiting-approval' } });
    // Who comes later, with and without a cursor, is shown the same.
    for (const lastEventId of [null, '1-3']) {
      const late = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token: chat.token, lastEventId });
      expect(await readUntil(late, 'tool-approval-request')).toEqual(request);
      late.close();
    }
    await stack.client(chat.token).approve(run.id, asked.approval.id, { approved: true });
    const next = await startWork(stack, run);
    await next.append([{ type: 'reset-step' }, { type: 'finish-step' }]);
    await next.finish('answered');
    const rest = await readToEnd(own);
    expect(rest.map(({ type }) => type)).toEqual(['reset-step', 'finish-step', 'message-metadata', 'finish']);
  });

  test('a waiting run’s own stream shows what it asks after its log has expired', async () => {
    const chat = newChat(stack);
    const sent = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(sent);
    await (await startWork(stack, run)).ask('May I?');
    await readToEnd(sent);
    await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
    const own = await connect(`${stack.url}/v1/runs/${run.id}/stream`, { token: chat.token });
    expect(await readUntil(own, 'tool-approval-request')).toMatchObject({ reason: 'May I?' });
    expect(await readUntil(own, 'data-run')).toMatchObject({ data: { status: 'awaiting-approval' } });
    own.close();
  });

  test('an answer changes nothing of the call: its input, its state and its consent are the store’s', async () => {
    const chat = newChat(stack);
    const sent = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(sent);
    const asked = await (await startWork(stack, run)).ask('May I?');
    await readToEnd(sent);
    const forged = { ...answered(asked, false, 'No.'), input: { command: 'rm -rf /' }, output: 'forged' };
    const unasked = {
      ...answered(asked, true),
      toolCallId: 'call-9',
      approval: { id: 'forged', approved: true },
    };
    expect((await chat.send({ id: run.messageId, role: 'assistant', parts: [unasked] })).status).toBe(404);
    expect((await chat.send({ id: run.messageId, role: 'assistant', parts: [forged, unasked] })).status).toBe(
      404,
    );
    const going = await chat.send({ id: run.messageId, role: 'assistant', parts: [forged] });
    expect(going.status).toBe(200);
    const [, answer] = await chat.messages();
    expect(answer?.parts.at(-1)).toEqual({
      ...asked,
      state: 'approval-responded',
      approval: { ...asked.approval, approved: false, reason: 'No.' },
    });
    const next = await startWork(stack, run);
    await next.finish('answered');
    await readToEnd(going);
  });

  test('a log that never shows the wait is not waited for', async () => {
    const chat = newChat(stack);
    const connection = await chat.send(userMessage('Deploy.'));
    const run = await chat.runOf(connection);
    const work = await startWork(stack, run);
    await work.ask('May I?', { isShown: false });
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
    await work.ask('May I?');
    const waitEventId = formatEventId({ epoch: work.epoch, ordinal: work.lastOrdinal });
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
    await work.ask('May I?');
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
