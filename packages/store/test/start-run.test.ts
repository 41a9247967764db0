import { randomUUID } from 'node:crypto';
import type { FileId } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  createFile,
  createProject,
  createThread,
  finishRun,
  listThreadRuns,
  loadRun,
  readFile,
  readMessages,
  readThread,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { claim, newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  actor = await newActor(database.sql);
});
afterAll(async () => database.drop());

const countOf = async (table: string): Promise<number> => {
  const [row] = await database.sql<{ count: number }[]>`
    select count(*)::integer as count from ${database.sql(table)}`;
  return row?.count ?? 0;
};

describe('startRun', () => {
  it('makes project, thread, both messages and a queued run', async () => {
    const { sql } = database;
    const started = await newRun(sql, actor, { limits: { maxSteps: 3 }, instructions: 'be kind' });
    expect(started).toMatchObject({
      run: {
        status: 'queued',
        reason: null,
        steps: 0,
        limits: { maxSteps: 3 },
        model: 'scripted:demo',
        lastEventId: null,
      },
      thread: { id: started.run.threadId, activeRun: { id: started.run.id, status: 'queued' } },
      project: { id: started.run.projectId },
      wakeup: 1,
      isReplay: false,
    });
    const page = await readMessages(sql, actor, started.thread.id, { limit: 10 });
    expect(page.messages.map(({ role, parts }) => ({ role, parts }))).toEqual([
      { role: 'user', parts: [{ type: 'text', text: 'hello' }] },
      { role: 'assistant', parts: [] },
    ]);
    expect(page.messages[1]?.id).toBe(started.run.messageId);
    expect(page.activeRun).toEqual(started.run);
  });

  it('continues a thread by its id and by its externalId', async () => {
    const { sql } = database;
    const externalId = `chat-${randomUUID()}`;
    const thread = await createThread(sql, actor, { externalId });
    const first = await newRun(sql, actor, { threadId: externalId });
    expect(first.run.threadId).toBe(thread.id);
    await finishRun(sql, {
      runId: first.run.id,
      epoch: await claim(sql, first),
      reason: 'finished',
      lastOrdinal: 2,
    });
    const second = await newRun(sql, actor, { threadId: thread.id });
    const { messages } = await readMessages(sql, actor, externalId, { limit: 10 });
    expect(messages.map((message) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect((await listThreadRuns(sql, actor, externalId)).map((run) => run.id)).toEqual([
      second.run.id,
      first.run.id,
    ]);
  });

  it('refuses a second run in a busy thread, names the first, and leaves nothing behind', async () => {
    const { sql } = database;
    const { run, thread } = await newRun(sql, actor);
    const messages = await countOf('messages');
    await expect(newRun(sql, actor, { threadId: thread.id })).rejects.toMatchObject({
      code: 'run_active',
      details: { runId: run.id },
    });
    expect(await countOf('messages')).toBe(messages);
  });

  it('lets one of many requests at once have the thread', async () => {
    const { sql } = database;
    const thread = await createThread(sql, actor, {});
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, () => newRun(sql, actor, { threadId: thread.id })),
    );
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused).toHaveLength(7);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'run_active' });
    expect((await readMessages(sql, actor, thread.id, { limit: 100 })).messages).toHaveLength(2);
  });

  it.each([
    ['an unknown thread', { threadId: randomUUID() }],
    ['an unknown externalId', { threadId: 'nobody' }],
    ['an unknown project', { projectId: randomUUID() }],
    ['a project id that is no id', { projectId: 'garbage' }],
    ['an unknown file', { files: [randomUUID() as FileId] }],
  ])('answers not_found for %s and leaves nothing behind', async (_what, options) => {
    const before = await countOf('projects');
    await expect(newRun(database.sql, actor, options)).rejects.toMatchObject({ code: 'not_found' });
    expect(await countOf('projects')).toBe(before);
  });

  it('uses the project that is named, and refuses one that is not the thread’s', async () => {
    const { sql } = database;
    const project = await createProject(sql, actor, { name: 'mine' });
    const { run, thread } = await newRun(sql, actor, { projectId: project.id });
    expect(run.projectId).toBe(project.id);
    const other = await createProject(sql, actor, { name: 'other' });
    await expect(newRun(sql, actor, { threadId: thread.id, projectId: other.id })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('gives each run of an account a priority after the ones it has waiting, and others theirs', async () => {
    const { sql } = database;
    const busy = await newActor(sql);
    const started = [];
    for (let index = 0; index < 3; index += 1) started.push(await newRun(sql, busy));
    expect(started.map((run) => run.priority)).toEqual([1, 2, 3]);
    expect((await newRun(sql, await newActor(sql))).priority).toBe(1);
    await claim(sql, started[0]!);
    expect((await newRun(sql, busy)).priority).toBe(3);
  });

  it('strips NUL from parts and refuses it in the model’s instructions', async () => {
    const { sql } = database;
    const { thread } = await newRun(sql, actor, {
      message: { parts: [{ type: 'text', text: 'a\u0000b\ud800' }] },
    });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 1, before: '2' });
    expect(messages[0]?.parts).toEqual([{ type: 'text', text: 'ab\ufffd' }]);
    await expect(newRun(sql, actor, { instructions: 'a\u0000b' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('takes 200 kB of input as it is', async () => {
    const { sql } = database;
    const text = 'päckchen '.repeat(20_000);
    const { thread } = await newRun(sql, actor, { message: { parts: [{ type: 'text', text }] } });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
    expect(messages[0]?.parts).toEqual([{ type: 'text', text }]);
  });
});

describe('startRun with an idempotency key', () => {
  it('makes one run of many equal requests at once and answers each with it', async () => {
    const { sql } = database;
    const runs = await countOf('runs');
    const idempotencyKey = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => newRun(sql, actor, { idempotencyKey })),
    );
    expect(new Set(answers.map((answer) => answer.run.id)).size).toBe(1);
    expect(answers.filter((answer) => !answer.isReplay)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.thread.id)).size).toBe(1);
    expect(await countOf('runs')).toBe(runs + 1);
  });

  it('answers a later replay with the run as it is by then', async () => {
    const { sql } = database;
    const idempotencyKey = randomUUID();
    const first = await newRun(sql, actor, { idempotencyKey });
    await claim(sql, first);
    const replay = await newRun(sql, actor, { idempotencyKey });
    expect(replay).toMatchObject({ isReplay: true, wakeup: 1, run: { id: first.run.id, status: 'running' } });
    expect(replay.project).toEqual(first.project);
  });

  it('refuses the key with another body', async () => {
    const { sql } = database;
    const idempotencyKey = randomUUID();
    await newRun(sql, actor, { idempotencyKey });
    await expect(newRun(sql, actor, { idempotencyKey, requestHash: 'other' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
  });

  it('keeps the keys of two accounts apart', async () => {
    const { sql } = database;
    const idempotencyKey = randomUUID();
    const mine = await newRun(sql, actor, { idempotencyKey });
    const theirs = await newRun(sql, await newActor(sql), { idempotencyKey });
    expect(theirs.isReplay).toBe(false);
    expect(theirs.run.id).not.toBe(mine.run.id);
  });
});

describe('a message id of the client', () => {
  it('may be any string and is the id that the message is read under', async () => {
    const { sql } = database;
    for (const id of ['x', 'löng-'.repeat(100), '"quoted" and spaced', randomUUID()]) {
      const { thread } = await newRun(sql, actor, {
        message: { id, parts: [{ type: 'text', text: 'hello' }] },
      });
      const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
      expect(messages[0]?.id).toBe(id);
    }
  });

  it('is unique in its thread, and free in another', async () => {
    const { sql } = database;
    const message = { id: 'once', parts: [{ type: 'text', text: 'hello' }] } as const;
    const first = await newRun(sql, actor, { message });
    await finishRun(sql, {
      runId: first.run.id,
      epoch: await claim(sql, first),
      reason: 'finished',
      lastOrdinal: 2,
    });
    await expect(newRun(sql, actor, { message, threadId: first.thread.id })).rejects.toMatchObject({
      code: 'conflict',
    });
    await newRun(sql, actor, { message });
    // The id of the assistant's message is taken too: one page never shows two messages under one id.
    const taken = { ...message, id: first.run.messageId };
    await expect(newRun(sql, actor, { message: taken, threadId: first.thread.id })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it.each(['', 'x'.repeat(1001)])('is refused when it is empty or too long', async (id) => {
    const message = { id, parts: [{ type: 'text', text: 'hello' }] } as const;
    await expect(newRun(database.sql, actor, { message })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('files of a run', () => {
  const upload = async (name: string) =>
    createFile(database.sql, actor, { name, mediaType: 'text/csv', size: 12, objectKey: randomUUID() });

  it('are shown after the message’s parts and given places of their own in the workspace', async () => {
    const { sql } = database;
    const files = [await upload('sales.csv'), await upload('../../sales.csv'), await upload('sales.csv')];
    const { thread, run } = await newRun(sql, actor, { files: files.map((file) => file.id as FileId) });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
    const paths = ['uploads/sales.csv', 'uploads/sales-2.csv', 'uploads/sales-3.csv'];
    expect(messages[0]?.parts).toEqual([
      { type: 'text', text: 'hello' },
      ...files.map(({ id, name }, index) => ({
        type: 'data-file',
        data: { fileId: id, name, mediaType: 'text/csv', size: 12, path: paths[index] },
      })),
    ]);
    expect(await readFile(sql, actor, files[1]!.id)).toMatchObject({
      projectId: run.projectId,
      name: '../../sales.csv',
      path: 'uploads/sales-2.csv',
    });
  });

  it('are loaded with the run, and so are those that earlier runs of the project attached', async () => {
    const { sql } = database;
    const [first, second] = [await upload('first.csv'), await upload('second.csv')];
    await upload('of-nobody.csv');
    const { project } = await newRun(sql, actor, { files: [first.id as FileId] });
    const started = await newRun(sql, actor, {
      projectId: project.id,
      files: [second.id as FileId],
      instructions: 'be kind',
    });
    const context = await loadRun(sql, { runId: started.run.id, epoch: await claim(sql, started) });
    expect(context.files.map(({ id, path, objectKey }) => ({ id, path, objectKey }))).toEqual([
      { id: first.id, path: 'uploads/first.csv', objectKey: first.objectKey },
      { id: second.id, path: 'uploads/second.csv', objectKey: second.objectKey },
    ]);
    expect(context).toMatchObject({
      instructions: 'be kind',
      accountId: actor.accountId,
      project: { id: project.id, sandboxId: null },
      messageId: started.run.messageId,
    });
  });

  it('are attached too when a file part names them by url, and such a part is kept as it came', async () => {
    const { sql } = database;
    const file = await upload('noext');
    const part = {
      type: 'file',
      url: `http://localhost:1/v1/files/${file.id}`,
      mediaType: 'text/csv',
    } as const;
    const { thread } = await newRun(sql, actor, { message: { parts: [part] } });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
    expect(messages[0]?.parts).toEqual([part]);
    expect(await readFile(sql, actor, file.id)).toMatchObject({ path: 'uploads/noext' });
  });

  it('may be attached again in their project, under the same path, and in no other', async () => {
    const { sql } = database;
    const file = await upload('again.csv');
    const files = [file.id as FileId];
    const { project } = await newRun(sql, actor, { files });
    await newRun(sql, actor, { files, projectId: project.id });
    expect(await readFile(sql, actor, file.id)).toMatchObject({ path: 'uploads/again.csv' });
    await expect(newRun(sql, actor, { files })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('are refused when a url was not made by an upload', async () => {
    const part = { type: 'file', url: 'http://169.254.169.254/', mediaType: 'text/plain' } as const;
    await expect(newRun(database.sql, actor, { message: { parts: [part] } })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

it('says that the thread needs input after a run that ended with a question', async () => {
  const { sql } = database;
  const started = await newRun(sql, actor);
  expect(await readThread(sql, actor, started.thread.id)).toMatchObject({ needsInput: false });
  await finishRun(sql, {
    runId: started.run.id,
    epoch: await claim(sql, started),
    reason: 'asked',
    lastOrdinal: 2,
  });
  expect(await readThread(sql, actor, started.thread.id)).toMatchObject({
    needsInput: true,
    activeRun: null,
  });
  const next = await newRun(sql, actor, { threadId: started.thread.id });
  expect(next.thread.needsInput).toBe(false);
  expect(await claimRun(sql, { runId: next.run.id, wakeup: 1, workerId: 'w' })).toMatchObject({
    outcome: 'claimed',
  });
});
