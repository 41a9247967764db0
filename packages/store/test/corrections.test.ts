import type { RunReason } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  correctRun,
  type Database,
  finishRun,
  loadRun,
  readMessages,
  parkRun,
  readRun,
  readThread,
  requestCancel,
  RunLostError,
  storeParts,
  takeCorrections,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun, newRun, stepStart, textPart, usageOf } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

const store = (runId: string, step: number) =>
  storeParts(sql, {
    runId,
    epoch: 1,
    step,
    parts: [{ part: stepStart }],
    usage: usageOf(1, 1),
    costUsd: 0,
    lastOrdinal: step,
    isFinal: false,
  });
const finish = (runId: string, reason: RunReason) =>
  finishRun(sql, { runId, epoch: 1, reason, lastOrdinal: 9 });
const textsOf = async (threadId: string) =>
  (await readMessages(sql, actor, threadId, { limit: 50 })).messages.map(
    ({ role, parts }) => `${role}: ${parts.map((part) => (part.type === 'text' ? part.text : '')).join('|')}`,
  );

describe('a correction', () => {
  it('is read by the next step, once that step is stored, and by no other', async () => {
    const { runId, run } = await newClaimedRun(sql, actor);
    expect(await correctRun(sql, actor, { runId, text: 'In red.' })).toMatchObject({ outcome: 'next-step' });
    expect(await loadRun(sql, { runId, epoch: 1 })).toMatchObject({ hasCorrections: true });
    const taken = await takeCorrections(sql, { runId, epoch: 1, step: 1 });
    expect(taken).toEqual([{ messageId: expect.any(String), text: 'In red.' }]);
    // A step that was cut is done again, with what came meanwhile.
    await correctRun(sql, actor, { runId, text: 'And round.' });
    expect((await takeCorrections(sql, { runId, epoch: 1, step: 1 })).map(({ text }) => text)).toEqual([
      'In red.',
      'And round.',
    ]);
    await store(runId, 1);
    expect(await takeCorrections(sql, { runId, epoch: 1, step: 2 })).toEqual([]);
    expect((await finish(runId, 'answered')).promoted).toEqual([]);
    expect(await textsOf(run.threadId)).toEqual(['user: hello', 'assistant: ']);
  });

  it('to a run that no worker has begun is a part of its question', async () => {
    const { run } = await newRun(sql, actor);
    expect(await correctRun(sql, actor, { runId: run.id, text: 'In red.' })).toMatchObject({
      outcome: 'next-step',
    });
    await requestCancel(sql, actor, run.id);
    expect(await textsOf(run.threadId)).toEqual(['user: hello|In red.', 'assistant: ']);
  });

  it('that came too late for its run becomes a run of its own, before those that waited longer', async () => {
    const { runId, run, thread } = await newClaimedRun(sql, actor, { instructions: 'Be brief.' });
    const waiting = await newRun(sql, actor, { threadId: thread.id, onBusy: 'queue' });
    await correctRun(sql, actor, { runId, text: 'In red.' });
    await correctRun(sql, actor, { runId, text: 'And round.' });
    const { promoted } = await finish(runId, 'finished');
    // The order of the thread's messages: what waited was said before.
    expect(promoted).toMatchObject([{ runId: waiting.run.id }]);
    await requestCancel(sql, actor, waiting.run.id);
    const { activeRun } = await readMessages(sql, actor, thread.id, { limit: 50 });
    expect(activeRun).toMatchObject({ status: 'queued', model: run.model });
    expect(await textsOf(thread.id)).toEqual([
      'user: hello',
      'assistant: ',
      'user: hello',
      'assistant: ',
      'user: In red.|And round.',
      'assistant: ',
    ]);
    const [row] = await sql`select instructions from runs where id = ${activeRun!.id}`;
    expect(row).toEqual({ instructions: 'Be brief.' });
  });

  it('to a run that is stopped stays as a message and starts nothing', async () => {
    const { runId, run } = await newClaimedRun(sql, actor);
    await correctRun(sql, actor, { runId, text: 'In red.' });
    await requestCancel(sql, actor, runId);
    expect((await finish(runId, 'answered')).promoted).toEqual([]);
    expect(await textsOf(run.threadId)).toEqual(['user: hello', 'assistant: ', 'user: In red.']);
    expect(await readMessages(sql, actor, run.threadId, { limit: 9 })).toMatchObject({ activeRun: null });
    // The thread goes on where it stands.
    await newRun(sql, actor, { threadId: run.threadId });
    expect(await textsOf(run.threadId)).toHaveLength(5);
  });

  it('after a stop or the end starts a new run at once', async () => {
    for (const isEnded of [true, false]) {
      const { runId, run } = await newClaimedRun(sql, actor);
      if (isEnded) await finish(runId, 'answered');
      else await requestCancel(sql, actor, runId);
      const corrected = await correctRun(sql, actor, { runId, text: 'Again, in red.' });
      if (corrected.outcome !== 'new-run') throw new Error('It is not a new run.');
      const { started } = corrected;
      expect(started.run).toMatchObject({ threadId: run.threadId, status: isEnded ? 'queued' : 'pending' });
      expect(await textsOf(run.threadId)).toContain('user: Again, in red.');
    }
  });

  it('that races the run’s end is read by it or by a new run, whoever comes first', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { runId, run } = await newClaimedRun(sql, actor);
      await Promise.all([correctRun(sql, actor, { runId, text: 'Now.' }), finish(runId, 'answered')]);
      expect(await textsOf(run.threadId)).toEqual([
        'user: hello',
        'assistant: ',
        'user: Now.',
        'assistant: ',
      ]);
      const { activeRun } = await readMessages(sql, actor, run.threadId, { limit: 9 });
      expect(activeRun).toMatchObject({ status: 'queued' });
    }
  });

  it('is taken by the run’s own worker only', async () => {
    const { runId, wakeup } = await newClaimedRun(sql, actor);
    await correctRun(sql, actor, { runId, text: 'In red.' });
    await claimRun(sql, { runId, wakeup, workerId: 'other' });
    await expect(takeCorrections(sql, { runId, epoch: 1, step: 1 })).rejects.toThrow(RunLostError);
    expect(await takeCorrections(sql, { runId, epoch: 2, step: 1 })).toHaveLength(1);
  });

  it('keeps a failed run’s step that had read it', async () => {
    const { runId, run } = await newClaimedRun(sql, actor);
    await correctRun(sql, actor, { runId, text: 'In red.' });
    const [data] = await takeCorrections(sql, { runId, epoch: 1, step: 1 });
    const parts = [
      stepStart,
      { type: 'data-steering', id: data!.messageId, data: data! },
      textPart('Red'),
    ] as const;
    await finishRun(sql, {
      runId,
      epoch: 1,
      reason: 'model-error',
      lastOrdinal: 9,
      lastStep: { step: 1, parts: parts.map((part) => ({ part })) },
    });
    expect(await readRun(sql, actor, runId)).toMatchObject({ status: 'failed', steps: 1 });
    expect(await textsOf(run.threadId)).toEqual(['user: hello', 'assistant: ||Red']);
  });

  it('ends with its run though a client has taken the id that it was shown under', async () => {
    const { runId, thread } = await newClaimedRun(sql, actor);
    await correctRun(sql, actor, { runId, text: 'In red.' });
    // Shown as data-steering; then the step is cut by a hand-over.
    const [shown] = await takeCorrections(sql, { runId, epoch: 1, step: 1 });
    const parts = [{ type: 'text', text: 'taken' }] as const;
    await newRun(sql, actor, {
      threadId: thread.id,
      onBusy: 'queue',
      message: { id: shown!.messageId, parts },
    });
    expect((await finish(runId, 'answered')).run).toMatchObject({ status: 'completed' });
    expect(await textsOf(thread.id)).toEqual([
      'user: hello',
      'assistant: ',
      'user: taken',
      'assistant: ',
      'user: In red.',
      'assistant: ',
    ]);
  });

  it('that is answered late counts as the thread’s newest run, though others were asked for after it', async () => {
    const { runId, thread } = await newClaimedRun(sql, actor);
    await correctRun(sql, actor, { runId, text: 'In red.' });
    await newRun(sql, actor, { threadId: thread.id, onBusy: 'queue' });
    const [queued] = (await finish(runId, 'answered')).promoted;
    await claimRun(sql, { ...queued!, workerId: 'w' });
    const [late] = (await finish(queued!.runId, 'asked')).promoted;
    expect(await readThread(sql, actor, thread.id)).toMatchObject({ activeRun: { id: late!.runId } });
    await claimRun(sql, { ...late!, workerId: 'w' });
    await parkRun(sql, { runId: late!.runId, epoch: 1, lastOrdinal: 6, calls: [] });
    expect(await readThread(sql, actor, thread.id)).toMatchObject({ needsInput: true });
    await requestCancel(sql, actor, late!.runId);
    expect(await readThread(sql, actor, thread.id)).toMatchObject({ needsInput: false });
  });
});
