import type { ToolPart } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  answerApprovals,
  claimRun,
  type Database,
  finishRun,
  loadRun,
  parkRun,
  readRun,
  readThread,
  requestCancel,
  RunLostError,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newWaitingRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

const wakeupOf = async (runId: string) =>
  (await sql<{ wakeup: number }[]>`select wakeup from runs where id = ${runId}`)[0]?.wakeup ?? 0;
const yes = (approvalId = '') => ({ approvalId, approved: true });
const no = (approvalId = '', reason?: string) => ({ approvalId, approved: false, reason });

describe('a run that waits for consent', () => {
  it('names the event of its wait, reserves no model call, and is nobody’s to claim', async () => {
    const { runId, wakeup, thread, park } = await newWaitingRun(sql, actor, 'a');
    expect(await park()).toEqual({ cancelRequested: false });
    // After an answer that was lost.
    expect(await park()).toEqual({ cancelRequested: false });
    const [row] =
      await sql`select status, wait_event_id, last_ordinal, worker_id from runs where id = ${runId}`;
    expect(row).toEqual({
      status: 'awaiting-approval',
      wait_event_id: '1-7',
      last_ordinal: '5',
      worker_id: null,
    });
    expect(await sql`select from usage where run_id = ${runId} and settled_at is null`).toHaveLength(0);
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toEqual({ outcome: 'stale' });
    expect(await readThread(sql, actor, thread.id)).toMatchObject({ needsInput: true });
  });

  it('goes on under a new wakeup once every call has its answer, which stands in the call’s part', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a', 'b');
    await park();
    const before = await wakeupOf(runId);
    const first = await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    expect(first).toMatchObject({ run: { status: 'awaiting-approval' }, runnable: [], waitEventId: '1-7' });
    const second = await answerApprovals(sql, actor, { runId, answers: [no(ids[1], 'Too dear.')] });
    expect(second).toMatchObject({
      run: { status: 'queued' },
      runnable: [{ runId, wakeup: before + 1 }],
      waitEventId: '1-7',
    });
    const claimed = await claimRun(sql, { runId, wakeup: before + 1, workerId: 'w' });
    expect(claimed).toMatchObject({ outcome: 'claimed', epoch: 2, crashes: 0 });
    const context = await loadRun(sql, { runId, epoch: 2 });
    const approval = { requestReason: 'May I?' };
    expect(context.parts.map(({ part, call }) => ({ part, ledger: call?.ledger }))).toMatchObject([
      {},
      {
        part: { state: 'approval-responded', approval: { ...approval, id: ids[0], approved: true } },
        ledger: 'pending',
      },
      {
        part: {
          state: 'approval-responded',
          approval: { ...approval, id: ids[1], approved: false, reason: 'Too dear.' },
        },
        ledger: 'pending',
      },
    ]);
    expect(context).toMatchObject({ waitEventId: '1-7', waitedMs: expect.any(Number) });
    expect(await sql`select action from audit where target_id in ${sql(ids)} order by id`).toEqual([
      { action: 'approval.approve' },
      { action: 'approval.deny' },
    ]);
  });

  it('keeps the order of the members of a call’s input', async () => {
    const { runId, ids, park, calls } = await newWaitingRun(sql, actor, 'a');
    const input = { zebra: 1, apple: { b: [1, 'x'], a: null }, Mango: true };
    await parkRun(sql, {
      runId,
      epoch: 1,
      lastOrdinal: 5,
      calls: calls.map(({ approvalId, part }) => ({ approvalId, part: { ...part, input } as ToolPart })),
    });
    await park();
    await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    const [row] = await sql<{ input: string }[]>`
      select part ->> 'input' as input from parts where call_id = 'a' and part -> 'approval' ->> 'id' = ${ids[0]!}`;
    expect(row?.input).toBe(JSON.stringify(input));
  });

  it('takes the same answer again, also after its end, and refuses another one', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a');
    await park();
    await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    const wakeup = await wakeupOf(runId);
    const again = async () => answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    expect(await again()).toMatchObject({ runnable: [], waitEventId: '1-7' });
    await expect(answerApprovals(sql, actor, { runId, answers: [no(ids[0])] })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await wakeupOf(runId)).toBe(wakeup);
    await claimRun(sql, { runId, wakeup, workerId: 'w' });
    await finishRun(sql, { runId, epoch: 2, reason: 'answered', lastOrdinal: 9 });
    expect(await again()).toMatchObject({ run: { status: 'completed' }, runnable: [] });
  });

  it('takes no answer once its time is over, though nobody has swept it: nothing has changed', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a', 'b');
    await park();
    await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    const [before] = await sql`select * from runs where id = ${runId}`;
    await sql`update approvals set expires_at = now() where run_id = ${runId}`;
    for (const late of [yes(ids[1]), no(ids[1])]) {
      await expect(answerApprovals(sql, actor, { runId, answers: [late] })).rejects.toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('came too late'),
      });
    }
    expect(await sql`select status from approvals where run_id = ${runId} order by call_id`).toEqual([
      { status: 'approved' },
      { status: 'requested' },
    ]);
    expect(await sql`select * from runs where id = ${runId}`).toEqual([before]);
    // The one that came in time is taken again.
    expect(await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] })).toMatchObject({
      run: { status: 'awaiting-approval' },
      runnable: [],
    });
  });

  it('takes all answers of a request or none, and none that another run waits for', async () => {
    const mine = await newWaitingRun(sql, actor, 'a', 'b');
    const other = await newWaitingRun(sql, actor, 'a');
    await mine.park();
    await other.park();
    for (const strange of [other.ids[0], crypto.randomUUID(), 'nonsense', '']) {
      const answers = [yes(mine.ids[0]), yes(strange)];
      await expect(answerApprovals(sql, actor, { runId: mine.runId, answers })).rejects.toMatchObject({
        code: 'not_found',
      });
    }
    expect(
      await sql`select from approvals where run_id = ${mine.runId} and status = 'requested'`,
    ).toHaveLength(2);
  });

  it('is started once by two last answers at the same instant', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a', 'b');
    await park();
    const before = await wakeupOf(runId);
    const answers = await Promise.all(
      [yes(ids[0]), yes(ids[1]), yes(ids[0])].map((answer) =>
        answerApprovals(sql, actor, { runId, answers: [answer] }),
      ),
    );
    expect(answers.flatMap(({ runnable }) => runnable)).toHaveLength(1);
    expect(await wakeupOf(runId)).toBe(before + 1);
  });

  it('that is cancelled takes no answer any more', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a');
    await park();
    const cancelled = await requestCancel(sql, actor, runId);
    expect(cancelled).toMatchObject({ run: { status: 'queued' }, promoted: [{ runId }] });
    await expect(answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('does not begin to wait when a cancel came first, nor for a worker that has lost it', async () => {
    const { runId, wakeup, park } = await newWaitingRun(sql, actor, 'a');
    await requestCancel(sql, actor, runId);
    expect(await park()).toEqual({ cancelRequested: true });
    expect(await readRun(sql, actor, runId)).toMatchObject({ status: 'running' });
    await claimRun(sql, { runId, wakeup, workerId: 'other' });
    await expect(park()).rejects.toThrow(RunLostError);
  });

  it('does not count its wait', async () => {
    const { runId, ids, park } = await newWaitingRun(sql, actor, 'a');
    await park();
    await sql`update runs set waiting_since = now() - interval '1 hour' where id = ${runId}`;
    await answerApprovals(sql, actor, { runId, answers: [yes(ids[0])] });
    const [row] = await sql<{ waited: string }[]>`select waited_ms as waited from runs where id = ${runId}`;
    expect(Number(row?.waited)).toBeGreaterThanOrEqual(3_600_000);
  });
});
