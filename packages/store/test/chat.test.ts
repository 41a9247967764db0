import { randomUUID } from 'node:crypto';
import type { FileId, InputPart } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  createFile,
  createThread,
  type Database,
  finishRun,
  hasMessage,
  loadRun,
  readAnsweringRun,
  readChatRun,
  readMessages,
  readRun,
  readThread,
  RunLostError,
  type StartedRun,
  stopThread,
} from '../src/index.ts';
import { answer, type Chatter, createChatter, text, wordsOf } from './chat.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { claim, newActor } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
let say: Chatter['say'];
let again: Chatter['again'];
let shown: Chatter['shown'];
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
  actor = await newActor(sql);
  ({ say, again, shown } = createChatter(sql, actor));
});
afterAll(async () => database.drop());

const newThreadId = () => `chat-${randomUUID()}`;

const statusOf = async ({ run }: Pick<StartedRun, 'run'>) => (await readRun(sql, actor, run.id)).status;

describe('a chat', () => {
  it('makes the thread under the client’s name when there is none, and finds it by it', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'hello');
    expect(first).toMatchObject({
      isReplay: false,
      run: { status: 'queued' },
      thread: { externalId: threadId },
    });
    await answer(sql, first, 'hi');
    const second = await say(first.thread.id, 'u2', 'and then?');
    expect(second.thread.id).toBe(first.thread.id);
    expect(await shown(threadId)).toEqual(['user: hello', 'assistant: hi', 'user: and then?', 'assistant: ']);
  });

  it('makes a thread of the caller’s own for an id that only others may read', async () => {
    const stranger = createChatter(sql, await newActor(sql));
    const theirs = await stranger.say(newThreadId(), 'u1', 'private');
    const mine = await say(theirs.thread.id, 'u1', 'mine');
    expect(mine.thread).toMatchObject({ externalId: theirs.thread.id });
    expect(mine.thread.id).not.toBe(theirs.thread.id);
    expect(await shown(theirs.thread.id)).toEqual(['user: mine', 'assistant: ']);
  });

  it('starts one run of the same message sent many times at once', async () => {
    const threadId = newThreadId();
    const answers = await Promise.all(Array.from({ length: 10 }, () => say(threadId, 'u1', 'once')));
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
    expect(await shown(threadId)).toEqual(['user: once', 'assistant: ']);
  });

  it('joins the run of a message that it has, waiting, at work or ended', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    const second = await say(threadId, 'u2', 'two');
    for (const [id, words, expected] of [
      ['u1', 'one', first],
      ['u2', 'two', second],
    ] as const) {
      expect(await say(threadId, id, words)).toMatchObject({ isReplay: true, run: { id: expected.run.id } });
    }
    await answer(sql, first, 'done');
    const replay = await say(threadId, 'u1', 'one', { onBusy: 'reject' });
    expect(replay).toMatchObject({ isReplay: true, run: { id: first.run.id, status: 'completed' } });
    expect(await shown(threadId)).toHaveLength(4);
  });

  it('joins, too, when the message comes as the store showed it', async () => {
    const threadId = newThreadId();
    const file = await createFile(sql, actor, {
      name: 'a.png',
      mediaType: 'image/png',
      size: 3,
      objectKey: randomUUID(),
    });
    const parts: InputPart[] = [
      { type: 'file', url: `/v1/files/${file.id}`, mediaType: 'image/png' },
      ...text('look'),
    ];
    const first = await say(threadId, 'u1', '', {
      message: { id: 'u1', parts, clientHash: 'of the data url' },
    });
    const { messages } = await readMessages(sql, actor, threadId, { limit: 1, before: '2' });
    expect(messages[0]?.parts).toEqual(parts);
    const reordered = parts.map((part) => Object.fromEntries(Object.entries(part).toReversed()) as InputPart);
    const message = { id: 'u1', parts: reordered, clientHash: 'of the file’s url' };
    expect((await say(threadId, 'u1', '', { message })).run.id).toBe(first.run.id);
    expect(await hasMessage(sql, actor, { threadId, messageId: 'u1', clientHash: 'of the data url' })).toBe(
      true,
    );
    expect(await hasMessage(sql, actor, { threadId, messageId: 'u1' })).toBe(true);
    expect(await hasMessage(sql, actor, { threadId, messageId: 'u1', clientHash: 'other' })).toBe(false);
    expect(await hasMessage(sql, actor, { threadId: newThreadId(), messageId: 'u1' })).toBe(false);
  });

  it('refuses a message under the id of an assistant’s', async () => {
    const threadId = newThreadId();
    const { run } = await say(threadId, 'u1', 'one');
    await expect(say(threadId, run.messageId, 'x')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('attaches the files of a message', async () => {
    const threadId = newThreadId();
    const file = await createFile(sql, actor, {
      name: 'a.csv',
      mediaType: 'text/csv',
      size: 3,
      objectKey: randomUUID(),
    });
    const message = { id: 'u1', parts: text('read'), files: [file.id as FileId], clientHash: 'h' };
    await say(threadId, 'u1', '', { message });
    const { messages } = await readMessages(sql, actor, threadId, { limit: 2 });
    expect(messages[0]?.parts).toEqual([
      { type: 'text', text: 'read' },
      { type: 'data-file', data: expect.objectContaining({ fileId: file.id, path: 'uploads/a.csv' }) },
    ]);
  });
});

describe('an edited message', () => {
  it('keeps its id, and supersedes itself and all that follows', async () => {
    const threadId = newThreadId();
    await answer(sql, await say(threadId, 'u1', 'one'), 'first');
    await answer(sql, await say(threadId, 'u2', 'two'), 'second');
    await answer(sql, await say(threadId, 'u3', 'three'), 'third');
    const edited = await say(threadId, 'u2', 'two, but better');
    expect(edited).toMatchObject({ isReplay: false, run: { status: 'queued' }, cancelled: [] });
    expect(await shown(threadId)).toEqual([
      'user: one',
      'assistant: first',
      'user: two, but better',
      'assistant: ',
    ]);
    const epoch = await claim(sql, edited);
    expect(wordsOf((await loadRun(sql, { runId: edited.run.id, epoch })).history)).toEqual([
      'user: one',
      'assistant: first',
      'user: two, but better',
    ]);
    const [kept] = await sql`
      select count(*)::integer as count from messages where thread_id = ${edited.thread.id} and superseded_at is not null`;
    expect(kept).toEqual({ count: 4 });
  });

  it('may bring an id of its own and name the message that it replaces', async () => {
    const threadId = newThreadId();
    await answer(sql, await say(threadId, 'u1', 'one'), 'first');
    const edited = await say(threadId, 'u1b', 'better', { replacedMessageId: 'u1' });
    expect(await shown(threadId)).toEqual(['user: better', 'assistant: ']);
    const repeated = await say(threadId, 'u1b', 'better', { replacedMessageId: 'u1' });
    expect(repeated).toMatchObject({ isReplay: true, run: { id: edited.run.id } });
    await answer(sql, edited, 'second');
    // What is no user's message replaces nothing.
    await say(threadId, 'u2', 'next', { replacedMessageId: edited.run.messageId });
    expect(await shown(threadId)).toHaveLength(4);
  });

  it('cancels the run that was answering it, and those that waited behind that', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    const epoch = await claim(sql, first);
    const second = await say(threadId, 'u2', 'two');
    const edited = await say(threadId, 'u1', 'better', { onBusy: 'reject' });
    expect(edited.run.status).toBe('pending');
    expect(edited.cancelled).toMatchObject([
      { run: { id: first.run.id, status: 'running' }, endedBeforeClaim: false },
      { run: { id: second.run.id, status: 'cancelled' }, endedBeforeClaim: true },
    ]);
    const ended = await finishRun(sql, { runId: first.run.id, epoch, reason: 'answered', lastOrdinal: 2 });
    expect(ended).toMatchObject({ run: { status: 'cancelled' }, promoted: [{ runId: edited.run.id }] });
    expect(await shown(threadId)).toEqual(['user: better', 'assistant: ']);
  });

  it('leaves the run of an earlier message alone', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    await claim(sql, first);
    const second = await say(threadId, 'u2', 'two');
    const edited = await say(threadId, 'u2', 'better');
    expect(edited.cancelled).toMatchObject([{ run: { id: second.run.id, status: 'cancelled' } }]);
    expect(edited.run.status).toBe('pending');
    await expect(say(threadId, 'u2', 'best', { onBusy: 'reject' })).rejects.toMatchObject({
      code: 'run_active',
    });
    // The refusal has undone the whole of it.
    expect(await shown(threadId)).toEqual(['user: one', 'assistant: ', 'user: better', 'assistant: ']);
    expect(await statusOf(edited)).toBe('pending');
  });

  it('sent many times at once supersedes once', async () => {
    const threadId = newThreadId();
    await answer(sql, await say(threadId, 'u1', 'one'), 'first');
    const answers = await Promise.all(Array.from({ length: 8 }, () => say(threadId, 'u1', 'better')));
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
    expect(await shown(threadId)).toEqual(['user: better', 'assistant: ']);
  });
});

describe('another answer', () => {
  it('supersedes the answer and all that follows, to the same message', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    await answer(sql, first, 'first');
    await answer(sql, await say(threadId, 'u2', 'two'), 'second');
    const second = await again(threadId, 'u1', first.run.messageId);
    expect(second).toMatchObject({ isReplay: false, run: { status: 'queued' } });
    expect(second.run.messageId).not.toBe(first.run.messageId);
    expect(await shown(threadId)).toEqual(['user: one', 'assistant: ']);
    const { history } = await loadRun(sql, { runId: second.run.id, epoch: await claim(sql, second) });
    expect(wordsOf(history)).toEqual(['user: one']);
    expect((await say(threadId, 'u1', 'one')).run.id).toBe(second.run.id);
  });

  it('is found by the answer’s id alone, and by the message’s alone', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    await answer(sql, first, 'first');
    const options = { trigger: 'regenerate', message: null } as const;
    const second = await say(threadId, '', '', { ...options, answerId: first.run.messageId });
    await answer(sql, second, 'second');
    const third = await again(threadId, 'u1');
    expect(new Set([first, second, third].map(({ run }) => run.id)).size).toBe(3);
    expect(await shown(threadId)).toEqual(['user: one', 'assistant: ']);
  });

  it('is one when it is asked for many times at once by the answer’s id', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    await claim(sql, first);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => again(threadId, 'u1', first.run.messageId)),
    );
    expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
    expect(answers.filter(({ isReplay }) => !isReplay)).toMatchObject([
      { run: { status: 'pending' }, cancelled: [{ run: { id: first.run.id } }] },
    ]);
  });

  it('to a message that the thread does not have is an answer to a new one', async () => {
    const threadId = newThreadId();
    const started = await again(threadId, 'u1');
    expect(started.isReplay).toBe(false);
    expect(await shown(threadId)).toEqual(['user: whatever it says now', 'assistant: ']);
  });

  it('to nothing is not found, and leaves no thread behind', async () => {
    const threadId = newThreadId();
    for (const answerId of [undefined, randomUUID(), 'garbage']) {
      const asked = say(threadId, '', '', { trigger: 'regenerate', message: null, answerId });
      await expect(asked).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(readThread(sql, actor, threadId)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the run that a chat shows', () => {
  const read = async (threadId: string, graceMs = 60_000) =>
    (await readChatRun(sql, actor, { threadId, graceMs }))?.id ?? null;

  it('is the one at work, then the next that waits, then the last one for a while', async () => {
    const threadId = newThreadId();
    expect(await read(threadId)).toBeNull();
    const first = await say(threadId, 'u1', 'one');
    const second = await say(threadId, 'u2', 'two');
    expect(await read(threadId)).toBe(first.run.id);
    await answer(sql, first, 'first');
    expect(await read(first.thread.id)).toBe(second.run.id);
    await answer(sql, second, 'second');
    expect(await read(threadId)).toBe(second.run.id);
    expect(await read(threadId, 0)).toBeNull();
  });

  it('is never one that was superseded', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    await claim(sql, first);
    const second = await again(threadId, 'u1', first.run.messageId);
    expect(await read(threadId)).toBe(second.run.id);
    const stopped = await stopThread(sql, actor, threadId);
    expect(stopped).toMatchObject({
      run: { id: second.run.id, status: 'cancelled' },
      endedBeforeClaim: true,
    });
    await expect(
      readAnsweringRun(sql, actor, { threadId, messageId: first.run.messageId }),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await readAnsweringRun(sql, actor, { threadId, messageId: second.run.messageId })).toMatchObject({
      id: second.run.id,
    });
  });

  it('is what stopping the thread stops, again and again with the same answer', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    const epoch = await claim(sql, first);
    const second = await say(threadId, 'u2', 'two');
    const receipts = [await stopThread(sql, actor, threadId), await stopThread(sql, actor, first.thread.id)];
    expect(receipts[0]).toMatchObject({ run: { id: first.run.id }, wasEnded: false, promoted: [] });
    expect(receipts[1]?.run.cancel).toEqual(receipts[0]?.run.cancel);
    await finishRun(sql, { runId: first.run.id, epoch, reason: 'answered', lastOrdinal: 2 });
    expect((await stopThread(sql, actor, threadId))?.run.id).toBe(second.run.id);
    expect(await stopThread(sql, actor, threadId)).toMatchObject({
      run: { id: second.run.id },
      wasEnded: true,
    });
  });

  it('is nobody’s in a thread without runs', async () => {
    const threadId = newThreadId();
    await expect(stopThread(sql, actor, threadId)).rejects.toMatchObject({ code: 'not_found' });
    await createThread(sql, actor, { externalId: threadId });
    expect(await stopThread(sql, actor, threadId)).toBeNull();
  });
});

it('keeps one run at work and one answer to each message while sends, edits, new answers, stops and ends race', async () => {
  const threadId = newThreadId();
  const first = await say(threadId, 'u0', 'begin');
  const unexpected: unknown[] = [];
  const work = async () => {
    const rows = await sql<{ id: string; wakeup: number }[]>`
      select id, wakeup from runs where thread_id = ${first.thread.id} and status = 'queued'`;
    for (const { id, wakeup } of rows) {
      const claimed = await claimRun(sql, { runId: id, wakeup, workerId: 'w' });
      if (claimed.outcome === 'stale') continue;
      await finishRun(sql, { runId: id, epoch: claimed.epoch, reason: 'answered', lastOrdinal: 2 });
    }
  };
  const lanes = [
    (round: number) => say(threadId, `u${round % 4}`, `variant ${round % 3}`),
    (round: number) => again(threadId, `u${round % 3}`),
    (round: number) => say(threadId, `v${round % 5}`, 'same', { onBusy: 'interrupt' }),
    () => stopThread(sql, actor, threadId),
    work,
    work,
  ];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let round = 0; round < 25; round += 1) {
        await lane(round).catch((error: unknown) => {
          // Two workers may claim the same run: one of them loses it.
          if (!(error instanceof RunLostError)) unexpected.push(error);
        });
      }
    }),
  );
  expect(unexpected).toEqual([]);
  // All that still waits comes to its end.
  await expect
    .poll(async () => {
      await work();
      return sql`select status from runs where thread_id = ${first.thread.id} and ended_at is null`;
    })
    .toEqual([]);
  const { messages } = await readMessages(sql, actor, threadId, { limit: 200 });
  expect(messages.map(({ role }) => role)).toEqual(
    messages.map((_message, index) => (index % 2 === 0 ? 'user' : 'assistant')),
  );
  expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
}, 60_000);
