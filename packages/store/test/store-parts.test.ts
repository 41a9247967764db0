import type { DataPart, MessagePart } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  type Database,
  finishRun,
  loadRun,
  type PartToStore,
  readMessages,
  reclaimRun,
  releaseRun,
  requestCancel,
  setToolState,
  snapshot,
  storeParts,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import {
  calledShell,
  finishedShell,
  newActor,
  newClaimedRun,
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

interface Claimed {
  readonly runId: string;
  readonly epoch: number;
}
const storeStep = async (
  { runId, epoch }: Claimed,
  step: number,
  parts: readonly (MessagePart | PartToStore)[],
  more: { costUsd?: number | null; isFinal?: boolean; lastOrdinal?: number } = {},
) =>
  storeParts(sql, {
    runId,
    epoch,
    step,
    parts: [stepStart, ...parts].map((part) => ('part' in part ? part : { part })),
    usage: usageOf(100, 20),
    costUsd: 0.01,
    lastOrdinal: step * 10,
    isFinal: false,
    ...more,
  });

const todo = (id: string): DataPart => ({ type: 'data-todo', id, data: { todos: [] } });

describe('storeParts', () => {
  it('stores a step as it was folded: order of parts, order of keys, every kind of part', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const parts: MessagePart[] = [
      { type: 'reasoning', text: 'hm', state: 'done', providerMetadata: { openai: { itemId: 'rs_1' } } },
      textPart('Let me look.'),
      {
        type: 'tool-shell',
        toolCallId: 'call-z',
        state: 'input-available',
        input: { zebra: 1, apple: { y: 1.5, b: [1e21, -0.1, null] } },
        callProviderMetadata: { openai: { itemId: 'fc_1' } },
      },
      {
        type: 'dynamic-tool',
        toolName: 'nobody',
        toolCallId: 'call-a',
        state: 'output-error',
        input: {},
        errorText: 'no such tool',
      },
    ];
    await storeStep(claimed, 1, parts);
    const stored = await loadRun(sql, claimed);
    expect(stored.parts.map(({ part }) => part)).toEqual([stepStart, ...parts]);
    expect(stored.parts.map(({ call }) => call)).toEqual([
      null,
      null,
      null,
      { callId: 'call-z', toolName: 'shell', ledger: 'pending', effect: 'once', incarnation: null },
      { callId: 'call-a', toolName: 'nobody', ledger: 'done', effect: 'once', incarnation: null },
    ]);
    // A provider's prompt cache compares bytes.
    expect(JSON.stringify(stored.parts.map(({ part }) => part))).toBe(JSON.stringify([stepStart, ...parts]));
    expect((await snapshot(sql, claimed)).parts).toEqual(
      stored.parts.map(({ step, part }) => ({ step, part })),
    );
  });

  it('remembers what kind of effect a call has', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [{ part: calledShell('c'), effect: 'read' }]);
    const { parts } = await loadRun(sql, claimed);
    expect(parts[1]?.call?.effect).toBe('read');
  });

  it('shows the stored steps of a running run in its thread', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [textPart('one')]);
    const { messages, activeRun } = await readMessages(sql, actor, claimed.thread.id, { limit: 10 });
    expect(messages[1]?.parts).toEqual([stepStart, textPart('one')]);
    expect(messages[1]?.metadata).toMatchObject({ status: 'running', stepCount: 1, durationMs: null });
    expect(activeRun?.usage.totalTokens).toBe(120);
  });

  it.each([
    ['the same step twice', 1],
    ['a step that was left out', 3],
  ])('refuses %s and changes nothing', async (_what, step) => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [textPart('one')]);
    const before = await snapshot(sql, claimed);
    await expect(storeStep(claimed, step, [textPart('again')])).rejects.toMatchObject({ code: 'conflict' });
    expect(await snapshot(sql, claimed)).toEqual(before);
  });

  it('lets one of two equal calls at once store the step', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const answers = await Promise.allSettled([
      storeStep(claimed, 1, [textPart('one')]),
      storeStep(claimed, 1, [textPart('one')]),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await snapshot(sql, claimed)).run.usage.totalTokens).toBe(120);
  });

  it('refuses a call id that the run has used, and stores nothing of that step', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [calledShell('same')]);
    await expect(storeStep(claimed, 2, [calledShell('same')])).rejects.toMatchObject({ code: 'conflict' });
    expect((await snapshot(sql, claimed)).run.steps).toBe(1);
  });

  it('strips NUL and lone surrogates, in keys too', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const call = { ...calledShell('c'), input: { 'a\u0000': ['\u0000x\ud800'] } };
    await storeStep(claimed, 1, [textPart('a\u0000b'), call]);
    await setToolState(sql, {
      ...claimed,
      callId: 'c',
      ledger: 'done',
      part: finishedShell('c', 'out\u0000put'),
      appended: [{ type: 'data-notice', id: 'c', data: { code: 'n', text: '\u0000' } }],
      lastOrdinal: 5,
    });
    const [row] = await sql<{ text: string }[]>`
      select string_agg(p.part::text, '') as text from parts p
      join runs r on r.message_id = p.message_id where r.id = ${claimed.runId}`;
    expect(row?.text).not.toContain('\\u0000');
    const { parts } = await loadRun(sql, claimed);
    expect(parts[1]?.part).toEqual(textPart('ab'));
    expect(parts[2]?.part).toEqual(finishedShell('c', 'output'));
  });

  it('says when a cancel was asked for', async () => {
    const claimed = await newClaimedRun(sql, actor);
    expect(await storeStep(claimed, 1, [calledShell('c')])).toEqual({ cancelRequested: false });
    await requestCancel(sql, actor, claimed.runId);
    const state = { ...claimed, callId: 'c', ledger: 'executing', lastOrdinal: 1 } as const;
    expect(await setToolState(sql, state)).toEqual({ cancelRequested: true });
    expect(await storeStep(claimed, 2, [])).toEqual({ cancelRequested: true });
  });

  it('never lowers the last ordinal', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [calledShell('c')], { lastOrdinal: 50 });
    await setToolState(sql, { ...claimed, callId: 'c', ledger: 'executing', lastOrdinal: 40 });
    expect((await loadRun(sql, claimed)).lastOrdinal).toBe(50);
  });
});

describe('setToolState', () => {
  it('moves a call from pending over executing to done, and stores its result in its place', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [calledShell('a'), calledShell('b')]);
    await setToolState(sql, {
      ...claimed,
      callId: 'a',
      ledger: 'executing',
      incarnation: 'box@1',
      lastOrdinal: 10,
    });
    expect((await loadRun(sql, claimed)).parts[1]?.call).toMatchObject({
      ledger: 'executing',
      incarnation: 'box@1',
    });
    const finished = finishedShell('a', 'files');
    await setToolState(sql, {
      ...claimed,
      callId: 'a',
      ledger: 'done',
      part: finished,
      appended: [todo('a-1'), todo('a-2')],
      lastOrdinal: 13,
    });
    const { parts, lastOrdinal } = await loadRun(sql, claimed);
    expect(parts.map(({ part }) => part)).toEqual([
      stepStart,
      finished,
      calledShell('b'),
      todo('a-1'),
      todo('a-2'),
    ]);
    expect(parts[1]?.call).toMatchObject({ ledger: 'done', incarnation: 'box@1' });
    expect(lastOrdinal).toBe(13);
  });

  it('appends to the call’s own step, though a later one is stored', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [calledShell('a')]);
    await storeStep(claimed, 2, [textPart('two')]);
    await setToolState(sql, {
      ...claimed,
      callId: 'a',
      ledger: 'done',
      part: finishedShell('a', ''),
      appended: [todo('a')],
      lastOrdinal: 13,
    });
    const { parts } = await loadRun(sql, claimed);
    expect(parts.map(({ step, part }) => `${step} ${part.type}`)).toEqual([
      '1 step-start',
      '1 tool-shell',
      '1 data-todo',
      '2 step-start',
      '2 text',
    ]);
  });

  it('changes nothing when the same result is stored again, and refuses to undo one', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [calledShell('a')]);
    const state = {
      ...claimed,
      callId: 'a',
      ledger: 'done',
      part: finishedShell('a', 'first'),
      appended: [todo('a')],
      lastOrdinal: 12,
    } as const;
    await setToolState(sql, state);
    const before = await loadRun(sql, claimed);
    await setToolState(sql, { ...state, part: finishedShell('a', 'second') });
    expect((await loadRun(sql, claimed)).parts).toEqual(before.parts);
    await expect(setToolState(sql, { ...state, ledger: 'executing' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('answers not_found for a call that is not stored', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const state = { ...claimed, callId: 'none', ledger: 'executing', lastOrdinal: 77 } as const;
    await expect(setToolState(sql, state)).rejects.toMatchObject({ code: 'not_found' });
    expect((await loadRun(sql, claimed)).lastOrdinal).toBe(0);
  });
});

describe('usage', () => {
  const rowsOf = async (runId: string) =>
    sql<{ step: number; epoch: number; total: number | null; estimated: boolean | null; settled: boolean }[]>`
      select step, epoch, total_tokens::integer as total, is_estimated as estimated, settled_at is not null as settled
      from usage where run_id = ${runId} order by step, epoch`;
  const open = { total: null, estimated: null, settled: false };
  const counted = { total: 120, estimated: false, settled: true };

  it('is reserved by the write before each model call and settled by the one after it', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const { runId } = claimed;
    expect(await rowsOf(runId)).toEqual([{ step: 1, epoch: 1, ...open }]);
    await storeStep(claimed, 1, [textPart('one')]);
    expect(await rowsOf(runId)).toEqual([
      { step: 1, epoch: 1, ...counted },
      { step: 2, epoch: 1, ...open },
    ]);
    await storeStep(claimed, 2, [textPart('two')], { isFinal: true });
    await finishRun(sql, { ...claimed, reason: 'finished', lastOrdinal: 20 });
    expect(await rowsOf(runId)).toEqual([
      { step: 1, epoch: 1, ...counted },
      { step: 2, epoch: 1, ...counted },
    ]);
    const { run } = await snapshot(sql, claimed);
    expect(run.usage).toEqual({ ...usageOf(200, 40) });
    expect(run.costUsd).toBe(0.02);
  });

  it('is settled once by estimate when a later epoch finds it open', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const { runId, wakeup } = claimed;
    await storeStep(claimed, 1, [textPart('one')]);
    await claimRun(sql, { runId, wakeup, workerId: 'other' });
    expect(await rowsOf(runId)).toEqual([
      { step: 1, epoch: 1, ...counted },
      { step: 2, epoch: 1, total: 120, estimated: true, settled: true },
      { step: 2, epoch: 2, ...open },
    ]);
    await storeStep({ runId, epoch: 2 }, 2, [textPart('two')], { isFinal: true });
    const { run } = await snapshot(sql, claimed);
    expect(run.usage).toMatchObject({ totalTokens: 360, estimated: true });
    expect(run.costUsd).toBeCloseTo(0.03);
  });

  it('of a first call that nobody reports on is estimated from the thread’s text', async () => {
    const text = 'x'.repeat(4000);
    const claimed = await newClaimedRun(sql, actor, { message: { parts: [{ type: 'text', text }] } });
    await claimRun(sql, { runId: claimed.runId, wakeup: claimed.wakeup, workerId: 'other' });
    const { run } = await snapshot(sql, claimed);
    expect(run.usage.estimated).toBe(true);
    expect(run.usage.inputTokens).toBeGreaterThanOrEqual(1000);
    expect(run.usage.inputTokens).toBeLessThan(1100);
  });

  it('costs nothing for a call that never began, and what was spent since the last step by one that was cut', async () => {
    const whole = await newClaimedRun(sql, actor);
    await storeStep(whole, 1, [textPart('one')]);
    await releaseRun(sql, { ...whole, lastOrdinal: 10 });
    expect(await rowsOf(whole.runId)).toEqual([{ step: 1, epoch: 1, ...counted }]);

    const cut = await newClaimedRun(sql, actor);
    await storeStep(cut, 1, [textPart('one')]);
    const spent = { usage: { ...usageOf(300, 30), estimated: true }, costUsd: 0.25 };
    await releaseRun(sql, { ...cut, lastOrdinal: 10, spent });
    expect((await rowsOf(cut.runId))[1]).toEqual({
      step: 2,
      epoch: 1,
      total: 330,
      estimated: true,
      settled: true,
    });
    const { run } = await snapshot(sql, cut);
    expect(run).toMatchObject({ status: 'queued', usage: { totalTokens: 450, estimated: true } });
    const [{ cost } = { cost: null }] = await sql`
      select sum(cost_usd)::float as cost from usage where run_id = ${cut.runId}`;
    expect(run.costUsd).toBeCloseTo(cost as number);
  });

  it('of a hand-over whose cost is not known makes the run’s cost unknown', async () => {
    const cut = await newClaimedRun(sql, actor);
    await releaseRun(sql, { ...cut, lastOrdinal: 10, spent: { usage: usageOf(300, 30), costUsd: null } });
    expect((await snapshot(sql, cut)).run).toMatchObject({ usage: { totalTokens: 330 }, costUsd: null });
  });

  it('follows the worker to its new epoch', async () => {
    const claimed = await newClaimedRun(sql, actor);
    const { runId } = claimed;
    await reclaimRun(sql, claimed);
    expect(await rowsOf(runId)).toEqual([{ step: 1, epoch: 2, ...open }]);
    await storeStep({ runId, epoch: 2 }, 1, [textPart('one')], { isFinal: true });
    expect(await rowsOf(runId)).toEqual([{ step: 1, epoch: 2, ...counted }]);
  });

  it('has no cost from the moment that a step’s price is not known', async () => {
    const claimed = await newClaimedRun(sql, actor);
    await storeStep(claimed, 1, [], { costUsd: 0.5 });
    await storeStep(claimed, 2, [], { costUsd: null });
    await storeStep(claimed, 3, [], { costUsd: 0.5 });
    expect((await snapshot(sql, claimed)).run.costUsd).toBeNull();
  });
});
