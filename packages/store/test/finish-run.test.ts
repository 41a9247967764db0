import { endingChunks, runReasonSchema, statusOfReason } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  type Database,
  finishRun,
  listThreadRuns,
  loadRun,
  readMessages,
  readRun,
  releaseRun,
  requestCancel,
  RunLostError,
  snapshot,
  storeParts,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import {
  calledShell,
  claim,
  finishedShell,
  newActor,
  newClaimedRun,
  newRun,
  stepStart,
  textPart,
  usageOf,
} from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

describe('finishRun', () => {
  it.each(runReasonSchema.options)(
    'ends a run for the reason %s with the status that follows',
    async (reason) => {
      const { runId, epoch } = await newClaimedRun(sql, actor);
      const error =
        statusOfReason(reason) === 'failed' ? { code: 'internal', detail: 'It broke.' } : undefined;
      const { run } = await finishRun(sql, { runId, epoch, reason, error, lastOrdinal: 7 });
      expect(run).toMatchObject({
        status: statusOfReason(reason),
        reason,
        error: error ?? null,
        lastEventId: '1-9',
      });
      expect(run.endedAt).not.toBeNull();
      expect(await readRun(sql, actor, runId)).toEqual(run);
    },
  );

  it('stores the step that was under way, closed, with the usage that is known', async () => {
    const { runId, epoch, thread } = await newClaimedRun(sql, actor);
    const { run } = await finishRun(sql, {
      runId,
      epoch,
      reason: 'finished',
      lastStep: {
        step: 1,
        parts: [{ part: stepStart }, { part: textPart('all of it') }],
        usage: usageOf(10, 2),
        costUsd: 0.5,
      },
      lastOrdinal: 6,
    });
    expect(run).toMatchObject({ steps: 1, usage: usageOf(10, 2), costUsd: 0.5 });
    const { messages } = await readMessages(sql, actor, thread.id, { limit: 10 });
    expect(messages[1]?.parts).toEqual([stepStart, textPart('all of it')]);
    expect(messages[1]?.metadata).toEqual(
      (endingChunks(run)[0] as { messageMetadata: unknown }).messageMetadata,
    );
  });

  it('settles the step that was under way by estimate when its usage is not known', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const { run } = await finishRun(sql, {
      runId,
      epoch,
      reason: 'cancelled',
      lastStep: { step: 1, parts: [{ part: stepStart }, { part: textPart('y'.repeat(4000)) }] },
      lastOrdinal: 6,
    });
    expect(run.usage.estimated).toBe(true);
    expect(run.usage.outputTokens).toBeGreaterThanOrEqual(1000);
    expect(run.usage.inputTokens).toBeGreaterThan(0);
  });

  it('counts a model that showed nothing, and no step of it', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const step = { step: 1, parts: [{ part: stepStart }], usage: usageOf(1, 1), costUsd: 0.5 };
    await storeParts(sql, { runId, epoch, ...step, lastOrdinal: 3, isFinal: false });
    const lastStep = { step: 2, parts: [], usage: usageOf(10, 0), costUsd: 0.5 };
    const { run } = await finishRun(sql, { runId, epoch, reason: 'cancelled', lastStep, lastOrdinal: 3 });
    expect(run).toMatchObject({ steps: 1, usage: usageOf(11, 1), costUsd: 1 });
    expect(await sql`select from usage where run_id = ${runId} and settled_at is not null`).toHaveLength(2);
  });

  it('leaves no reservation open', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    await finishRun(sql, { runId, epoch, reason: 'time-limit', lastOrdinal: 2 });
    expect(await sql`select from usage where run_id = ${runId}`).toHaveLength(0);
  });

  it('refuses a last step that is stored already', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const step = { step: 1, parts: [{ part: stepStart }], usage: usageOf(1, 1), costUsd: 0 };
    await storeParts(sql, { runId, epoch, ...step, lastOrdinal: 3, isFinal: true });
    await expect(
      finishRun(sql, { runId, epoch, reason: 'finished', lastStep: step, lastOrdinal: 3 }),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect((await readRun(sql, actor, runId)).status).toBe('running');
  });

  it('closes the calls that will get no result: unknown for those that may have begun', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    await storeParts(sql, {
      runId,
      epoch,
      step: 1,
      parts: [{ part: stepStart }, { part: calledShell('begun') }, { part: calledShell('waiting') }],
      usage: usageOf(1, 1),
      costUsd: 0,
      lastOrdinal: 4,
      isFinal: true,
    });
    await sql`update parts set ledger = 'executing' where call_id = 'begun'`;
    const closed = (callId: string) => ({ callId, part: finishedShell(callId, 'stopped\u0000') });
    await finishRun(sql, {
      runId,
      epoch,
      reason: 'cancelled',
      closedCalls: [closed('begun'), closed('waiting')],
      lastOrdinal: 6,
    });
    expect((await snapshot(sql, { runId })).parts.map(({ part }) => part)).toEqual([
      stepStart,
      finishedShell('begun', 'stopped'),
      finishedShell('waiting', 'stopped'),
    ]);
    const ledger = await sql`
      select p.call_id, p.ledger from parts p join runs r on r.message_id = p.message_id
      where r.id = ${runId} and call_id is not null order by position`;
    expect(ledger).toEqual([
      { call_id: 'begun', ledger: 'unknown' },
      { call_id: 'waiting', ledger: 'done' },
    ]);
  });

  it('keeps what the call that ended the run handed over behind the other parts of its step', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const parts = [{ part: stepStart }, { part: calledShell('last') }, { part: calledShell('other') }];
    const paid = { usage: usageOf(1, 1), costUsd: 0, lastOrdinal: 4, isFinal: true };
    await storeParts(sql, { runId, epoch, step: 1, parts, ...paid });
    const file = (path: string) =>
      ({ type: 'data-file', id: path, data: { path, name: path, mediaType: 'text/csv', size: 4 } }) as const;
    await finishRun(sql, {
      runId,
      epoch,
      reason: 'finished',
      closedCalls: [
        { callId: 'last', part: finishedShell('last', 'done'), appended: [file('a'), file('b')] },
        { callId: 'other', part: finishedShell('other', 'stopped') },
      ],
      lastOrdinal: 8,
    });
    expect((await snapshot(sql, { runId })).parts.map(({ part }) => part)).toEqual([
      stepStart,
      finishedShell('last', 'done'),
      finishedShell('other', 'stopped'),
      file('a'),
      file('b'),
    ]);
  });

  it('finds the run as it ended it when the same epoch asks again, and changes nothing', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const first = await finishRun(sql, { runId, epoch, reason: 'finished', lastOrdinal: 2 });
    const again = await finishRun(sql, { runId, epoch, reason: 'internal', lastOrdinal: 8 });
    expect(again.run).toEqual(first.run);
    await expect(
      finishRun(sql, { runId, epoch: epoch + 1, reason: 'finished', lastOrdinal: 2 }),
    ).rejects.toThrow(RunLostError);
  });

  it('frees the thread', async () => {
    const { runId, epoch, thread } = await newClaimedRun(sql, actor);
    await finishRun(sql, { runId, epoch, reason: 'finished', lastOrdinal: 2 });
    const next = await newClaimedRun(sql, actor, { threadId: thread.id });
    const { history, files } = await loadRun(sql, next);
    expect(history.map(({ role, metadata }) => ({ role, status: metadata?.status }))).toEqual([
      { role: 'user', status: undefined },
      { role: 'assistant', status: 'completed' },
      { role: 'user', status: undefined },
    ]);
    expect(files).toEqual([]);
  });

  it('makes the oldest waiting run of its own thread go on, else one of the account whose thread is free', async () => {
    const queuer = await newActor(sql);
    const first = await newClaimedRun(sql, queuer);
    const other = await newRun(sql, queuer);
    const wait = async (threadId: string) => {
      const [row] = await sql<{ id: string }[]>`
        with message as (
          insert into messages (id, thread_id, position, role, public_id)
          select id, ${threadId}, 100 + (random() * 1e6)::integer, 'assistant', id::text from gen_random_uuid() as id
          returning id)
        insert into runs (id, account_id, project_id, thread_id, message_id, user_message_id, status, model, request_hash)
        select m.id, r.account_id, r.project_id, r.thread_id, m.id, r.user_message_id, 'pending', 'm', ''
        from message m, (select * from runs where thread_id = ${threadId} limit 1) r
        returning id`;
      return row?.id ?? '';
    };
    const elsewhere = await wait(other.thread.id);
    const own = await wait(first.thread.id);
    const ended = await finishRun(sql, { ...first, reason: 'finished', lastOrdinal: 2 });
    expect(ended.promoted).toEqual([{ runId: own, wakeup: 2, priority: 1 }]);
    expect((await readRun(sql, queuer, own)).status).toBe('queued');
    expect((await readRun(sql, queuer, elsewhere)).status).toBe('pending');
    const cancelled = await requestCancel(sql, queuer, other.run.id);
    expect(cancelled.promoted).toEqual([{ runId: elsewhere, wakeup: 2, priority: 1 }]);
  });
});

describe('requestCancel', () => {
  it('ends a queued run that was never claimed at once, without a last event', async () => {
    const { run, thread } = await newRun(sql, actor);
    const answer = await requestCancel(sql, actor, run.id);
    expect(answer).toMatchObject({
      wasEnded: false,
      endedBeforeClaim: true,
      run: { status: 'cancelled', reason: 'cancelled', lastEventId: null, cancel: { modelAbortedAt: null } },
    });
    expect(await requestCancel(sql, actor, run.id)).toEqual({ ...answer, wasEnded: true });
    await newRun(sql, actor, { threadId: thread.id });
  });

  it('asks a running run to stop, once, and leaves the end to its worker', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const answer = await requestCancel(sql, actor, runId);
    expect(answer).toMatchObject({ wasEnded: false, endedBeforeClaim: false, run: { status: 'running' } });
    expect((await requestCancel(sql, actor, runId)).run.cancel).toEqual(answer.run.cancel);
    const at = new Date().toISOString();
    const { run } = await finishRun(sql, {
      runId,
      epoch,
      reason: 'finished',
      error: { code: 'internal', detail: 'never shown' },
      lastOrdinal: 2,
      cancelReceipt: { modelAbortedAt: at },
    });
    expect(run).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      error: null,
      cancel: { acceptedAt: answer.run.cancel?.acceptedAt, modelAbortedAt: at, toolKilledAt: null },
    });
  });

  it('does not end a run that was handed over: it has a log, whose end a worker writes', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    await releaseRun(sql, { runId, epoch, lastOrdinal: 2 });
    expect(await requestCancel(sql, actor, runId)).toMatchObject({
      endedBeforeClaim: false,
      run: { status: 'queued' },
    });
  });

  it('never rewrites a run that has ended', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const { run } = await finishRun(sql, { runId, epoch, reason: 'finished', lastOrdinal: 2 });
    expect(await requestCancel(sql, actor, runId)).toEqual({
      run,
      wasEnded: true,
      endedBeforeClaim: false,
      promoted: [],
    });
    expect(await readRun(sql, actor, runId)).toEqual(run);
  });

  it('wins or comes too late when it races the end, and both answers agree', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const { runId, epoch } = await newClaimedRun(sql, actor);
      const finish = async () => finishRun(sql, { runId, epoch, reason: 'finished', lastOrdinal: 2 });
      const cancel = async () => requestCancel(sql, actor, runId);
      const [ended, cancelled] =
        round % 2 === 0
          ? await Promise.all([finish(), cancel()])
          : await Promise.all([cancel(), finish()]).then(([second, first]) => [first, second] as const);
      expect(ended.run.status).toBe(cancelled.wasEnded ? 'completed' : 'cancelled');
      expect(await readRun(sql, actor, runId)).toEqual(ended.run);
      outcomes.add(ended.run.status);
    }
    expect(outcomes.size).toBeGreaterThan(0);
  });

  it('wins or comes too late when it races the first claim, and the run is never both', async () => {
    for (let round = 0; round < 20; round += 1) {
      const started = await newRun(sql, actor);
      const [epoch, cancelled] = await Promise.all([
        claim(sql, started).catch(() => null),
        requestCancel(sql, actor, started.run.id),
      ]);
      expect(cancelled.endedBeforeClaim).toBe(epoch === null);
      const [run] = await listThreadRuns(sql, actor, started.thread.id);
      expect(run?.status).toBe(epoch === null ? 'cancelled' : 'running');
      expect(run?.cancel).not.toBeNull();
    }
  });
});
