import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  type Database,
  finishRun,
  isCancelRequested,
  loadRun,
  readRun,
  readThread,
  requestCancel,
  type StartedRun,
} from '../src/index.ts';
import { answer, type Chatter, createChatter, wordsOf } from './chat.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { claim, newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
let say: Chatter['say'];
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
  actor = await newActor(sql);
  ({ say } = createChatter(sql, actor));
});
afterAll(async () => database.drop());

const newThreadId = () => `chat-${randomUUID()}`;

const statusOf = async ({ run }: Pick<StartedRun, 'run'>) => (await readRun(sql, actor, run.id)).status;

describe('a run for a busy thread', () => {
  it('is refused unless its request says otherwise', async () => {
    const first = await newRun(sql, actor);
    const refusal = { code: 'run_active', details: { runId: first.run.id } };
    await expect(newRun(sql, actor, { threadId: first.thread.id })).rejects.toMatchObject(refusal);
    await expect(say(first.thread.id, 'm', 'hi', { onBusy: 'reject' })).rejects.toMatchObject(refusal);
  });

  it('waits with `queue`, and goes on in the order of the messages when the one before it ends', async () => {
    const first = await newRun(sql, actor);
    const threadId = first.thread.id;
    const second = await newRun(sql, actor, { threadId, onBusy: 'queue' });
    const third = await newRun(sql, actor, { threadId, onBusy: 'queue' });
    expect(second).toMatchObject({ run: { status: 'pending' }, cancelled: [], promoted: [] });
    expect(await claimRun(sql, { runId: second.run.id, wakeup: 1, workerId: 'w' })).toEqual({
      outcome: 'stale',
    });
    const ended = await answer(sql, first, 'one');
    expect(ended.promoted).toEqual([expect.objectContaining({ runId: second.run.id, wakeup: 2 })]);
    expect(await statusOf(third)).toBe('pending');
    expect((await answer(sql, second, 'two')).promoted).toEqual([
      expect.objectContaining({ runId: third.run.id }),
    ]);
    expect((await readThread(sql, actor, threadId)).activeRun).toEqual({
      id: third.run.id,
      status: 'queued',
    });
  });

  it('reads, when its turn comes, what was said before it and nothing that waits behind it', async () => {
    const threadId = newThreadId();
    const first = await say(threadId, 'u1', 'one');
    const second = await say(threadId, 'u2', 'two');
    await say(threadId, 'u3', 'three');
    const epoch = await claim(sql, first);
    expect(wordsOf((await loadRun(sql, { runId: first.run.id, epoch })).history)).toEqual(['user: one']);
    await finishRun(sql, { runId: first.run.id, epoch, reason: 'answered', lastOrdinal: 2 });
    const next = await claim(sql, { run: second.run, wakeup: 2 });
    expect(wordsOf((await loadRun(sql, { runId: second.run.id, epoch: next })).history)).toEqual([
      'user: one',
      'assistant: ',
      'user: two',
    ]);
  });

  it('is queued at once when an earlier one is cancelled, and keeps its place when it is not its own', async () => {
    const first = await newRun(sql, actor);
    const threadId = first.thread.id;
    const [second, third] = [
      await newRun(sql, actor, { threadId, onBusy: 'queue' }),
      await newRun(sql, actor, { threadId, onBusy: 'queue' }),
    ];
    expect((await requestCancel(sql, actor, second.run.id)).promoted).toEqual([]);
    expect(await statusOf(second)).toBe('cancelled');
    expect((await requestCancel(sql, actor, first.run.id)).promoted).toEqual([
      expect.objectContaining({ runId: third.run.id }),
    ]);
  });

  it('asks the active one to stop with `interrupt`, and waits for its end', async () => {
    const first = await newRun(sql, actor);
    const threadId = first.thread.id;
    const epoch = await claim(sql, first);
    const second = await newRun(sql, actor, { threadId, onBusy: 'interrupt' });
    expect(second).toMatchObject({
      run: { status: 'pending' },
      cancelled: [{ run: { id: first.run.id, status: 'running' }, endedBeforeClaim: false }],
      promoted: [],
    });
    expect(await isCancelRequested(sql, { runId: first.run.id, epoch })).toBe(true);
    const ended = await finishRun(sql, { runId: first.run.id, epoch, reason: 'answered', lastOrdinal: 2 });
    expect(ended).toMatchObject({ run: { status: 'cancelled' }, promoted: [{ runId: second.run.id }] });
  });

  it('takes the place of one that no worker had, unless another waited before it', async () => {
    const first = await newRun(sql, actor);
    const threadId = first.thread.id;
    const second = await newRun(sql, actor, { threadId, onBusy: 'interrupt' });
    expect(second).toMatchObject({
      run: { status: 'queued' },
      wakeup: 1,
      cancelled: [{ run: { id: first.run.id, status: 'cancelled' }, endedBeforeClaim: true }],
      promoted: [],
    });
    const third = await newRun(sql, actor, { threadId, onBusy: 'queue' });
    const fourth = await newRun(sql, actor, { threadId, onBusy: 'interrupt' });
    expect(fourth).toMatchObject({ run: { status: 'pending' }, promoted: [{ runId: third.run.id }] });
    expect(await statusOf(third)).toBe('queued');
  });

  it('wakes a run that waits for a person, so that a worker ends it', async () => {
    const first = await newRun(sql, actor);
    await claim(sql, first);
    await sql`update runs set status = 'awaiting-approval', wait_event_id = '1-4' where id = ${first.run.id}`;
    const second = await newRun(sql, actor, { threadId: first.thread.id, onBusy: 'interrupt' });
    expect(second).toMatchObject({
      run: { status: 'pending' },
      cancelled: [{ run: { id: first.run.id, status: 'queued' }, endedBeforeClaim: false }],
      promoted: [{ runId: first.run.id, wakeup: 2 }],
    });
    expect(await claimRun(sql, { runId: first.run.id, wakeup: 2, workerId: 'w' })).toMatchObject({
      outcome: 'claimed',
      cancelRequested: true,
    });
  });
});
