import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  claimRun,
  type Database,
  finishRun,
  isCancelRequested,
  loadRun,
  wakeRun,
  readRun,
  reclaimRun,
  releaseRun,
  requestCancel,
  RunLostError,
  setToolState,
  storeParts,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import {
  calledShell,
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

const storeStep = async (runId: string, epoch: number, step: number) =>
  storeParts(sql, {
    runId,
    epoch,
    step,
    parts: [{ part: stepStart }, { part: textPart('hi') }],
    usage: usageOf(1, 1),
    costUsd: 0,
    lastOrdinal: step,
    isFinal: false,
  });

describe('claimRun', () => {
  it('starts a queued run under the first epoch, without a crash', async () => {
    const { run, wakeup } = await newRun(sql, actor);
    expect(await claimRun(sql, { runId: run.id, wakeup, workerId: 'w' })).toEqual({
      outcome: 'claimed',
      epoch: 1,
      crashes: 0,
      cancelRequested: false,
    });
    const claimed = await readRun(sql, actor, run.id);
    expect(claimed).toMatchObject({ status: 'running' });
    expect(claimed.startedAt).not.toBeNull();
  });

  it('keeps the price with the call that it reserves, so that one nobody reports on counts money', async () => {
    const prices = { m: { input: 8, cachedInput: 1, output: 40, promptTokens: 100 } };
    const { run, wakeup } = await newRun(sql, actor, { model: 'm' });
    await claimRun(sql, { runId: run.id, wakeup, workerId: 'w', prices });
    await claimRun(sql, { runId: run.id, wakeup, workerId: 'of another catalog', prices: {} });
    const { usage, costUsd } = await readRun(sql, actor, run.id);
    expect(usage).toMatchObject({ estimated: true, outputTokens: 0 });
    expect(costUsd).toBeCloseTo((usage.inputTokens * 8) / 1_000_000, 9);
    expect(usage.inputTokens).toBeGreaterThan(100);
  });

  it('is still answered to a worker of the release before, which names no prices', async () => {
    const { run, wakeup } = await newRun(sql, actor);
    const claim = async (claimId: string) => {
      const [row] = await sql<{ epoch: number }[]>`
        select (claim_run(${run.id}, ${wakeup}, 'w', ${claimId}) ->> 'epoch')::int as epoch`;
      return row?.epoch;
    };
    expect([await claim(randomUUID()), await claim(randomUUID())]).toEqual([1, 2]);
    expect(await readRun(sql, actor, run.id)).toMatchObject({ usage: { estimated: true }, costUsd: 0 });
  });

  it.each([
    ['another wakeup', { wakeup: 2 }],
    ['a run that does not exist', { runId: randomUUID() }],
  ])('is stale for %s, without effect', async (_what, change) => {
    const { run, wakeup } = await newRun(sql, actor);
    expect(await claimRun(sql, { runId: run.id, wakeup, workerId: 'w', ...change })).toEqual({
      outcome: 'stale',
    });
    expect((await readRun(sql, actor, run.id)).status).toBe('queued');
  });

  it.each(['awaiting-approval', 'pending', 'failed'])('is stale for a run that is %s', async (status) => {
    const { run, wakeup } = await newRun(sql, actor);
    await sql.begin(async (transaction) => {
      await transaction`set local session_replication_role = replica`;
      await transaction`
        update runs set status = ${status}, wait_event_id = '1-1',
          ended_at = ${status === 'failed' ? new Date() : null}, reason = ${status === 'failed' ? 'internal' : null}
        where id = ${run.id}`;
    });
    expect(await claimRun(sql, { runId: run.id, wakeup, workerId: 'w' })).toEqual({ outcome: 'stale' });
  });

  it('gives any number of claims at once an epoch each, and leaves one of them the run', async () => {
    const { run, wakeup } = await newRun(sql, actor);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_value, index) =>
        claimRun(sql, { runId: run.id, wakeup, workerId: `w${index}` }),
      ),
    );
    const epochs = claims.map((answer) => (answer.outcome === 'claimed' ? answer.epoch : 0));
    expect(epochs.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const stored = await Promise.allSettled(epochs.map(async (epoch) => storeStep(run.id, epoch, 1)));
    expect(stored.map((answer) => answer.status)).toEqual([...Array(7).fill('rejected'), 'fulfilled']);
    expect((await loadRun(sql, { runId: run.id, epoch: 8 })).parts).toHaveLength(2);
  });

  it('counts each take-over of a running run as a crash until a step is stored', async () => {
    const { run, wakeup } = await newRun(sql, actor);
    const take = async () => claimRun(sql, { runId: run.id, wakeup, workerId: 'w' });
    expect(await take()).toMatchObject({ crashes: 0 });
    expect(await take()).toMatchObject({ epoch: 2, crashes: 1 });
    expect(await take()).toMatchObject({ epoch: 3, crashes: 2 });
    await storeStep(run.id, 3, 1);
    expect(await take()).toMatchObject({ epoch: 4, crashes: 1 });
  });

  it('asked again for the same claim is told the same, until somebody else has claimed', async () => {
    const { run, wakeup } = await newRun(sql, actor);
    const claimId = randomUUID();
    const ask = async () => claimRun(sql, { runId: run.id, claimId, wakeup, workerId: 'w' });
    const answers = await Promise.all([ask(), ask(), ask()]);
    for (const answer of answers) expect(answer).toMatchObject({ epoch: 1, crashes: 0 });
    expect(await sql`select from usage where run_id = ${run.id}`).toHaveLength(1);
    await claimRun(sql, { runId: run.id, wakeup, workerId: 'other' });
    expect(await ask()).toMatchObject({ epoch: 3, crashes: 2 });
  });

  it('counts no crash after a hand-over, and keeps the wakeup', async () => {
    const { runId, epoch, wakeup } = await newClaimedRun(sql, actor);
    await releaseRun(sql, { runId, epoch, lastOrdinal: 7 });
    expect((await readRun(sql, actor, runId)).status).toBe('queued');
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toMatchObject({ epoch: 2, crashes: 0 });
    expect((await loadRun(sql, { runId, epoch: 2 })).lastOrdinal).toBe(7);
  });

  it('counts the crash of a worker whose job the sweep replaced', async () => {
    const { runId, epoch, wakeup } = await newClaimedRun(sql, actor);
    expect(await wakeRun(sql, { runId, wakeup })).toEqual({ wakeup: 2 });
    await expect(isCancelRequested(sql, { runId, epoch })).rejects.toThrow(RunLostError);
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toEqual({ outcome: 'stale' });
    expect(await claimRun(sql, { runId, wakeup: 2, workerId: 'w' })).toMatchObject({ epoch: 2, crashes: 1 });
  });

  it('says when a cancel came before it', async () => {
    const { runId, epoch, wakeup } = await newClaimedRun(sql, actor);
    await releaseRun(sql, { runId, epoch, lastOrdinal: 2 });
    await requestCancel(sql, actor, runId);
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toMatchObject({ cancelRequested: true });
  });
});

describe('reclaimRun', () => {
  it('raises the epoch of the same worker without a crash, and fences the old one', async () => {
    const { runId, epoch, wakeup } = await newClaimedRun(sql, actor);
    expect(await reclaimRun(sql, { runId, epoch })).toEqual({ epoch: 2 });
    await expect(storeStep(runId, epoch, 1)).rejects.toThrow(RunLostError);
    await storeStep(runId, 2, 1);
    expect(await claimRun(sql, { runId, wakeup, workerId: 'w' })).toMatchObject({ epoch: 3, crashes: 1 });
  });

  it('asked again for the same claim is told the same, and any other is refused', async () => {
    const { runId, epoch } = await newClaimedRun(sql, actor);
    const claimId = randomUUID();
    const ask = async () => reclaimRun(sql, { runId, claimId, epoch });
    expect(await ask()).toEqual({ epoch: 2 });
    expect(await ask()).toEqual({ epoch: 2 });
    await expect(reclaimRun(sql, { runId, epoch })).rejects.toThrow(RunLostError);
  });
});

type WorkerVerb = (run: { readonly runId: string; readonly epoch: number }) => Promise<unknown>;
const workerVerbs: Readonly<Record<string, WorkerVerb>> = {
  reclaimRun: (run) => reclaimRun(sql, run),
  loadRun: (run) => loadRun(sql, run),
  isCancelRequested: (run) => isCancelRequested(sql, run),
  storeParts: (run) =>
    storeParts(sql, {
      ...run,
      step: 2,
      parts: [{ part: stepStart }],
      usage: usageOf(1, 1),
      costUsd: 1,
      lastOrdinal: 99,
      isFinal: false,
    }),
  setToolState: (run) =>
    setToolState(sql, {
      ...run,
      callId: 'call-1',
      ledger: 'done',
      part: finishedShell('call-1', 'late'),
      appended: [{ type: 'data-todo', id: 'late', data: { todos: [] } }],
      lastOrdinal: 99,
    }),
  releaseRun: (run) =>
    releaseRun(sql, { ...run, lastOrdinal: 99, spent: { usage: usageOf(1, 1), costUsd: 1 } }),
  finishRun: (run) =>
    finishRun(sql, {
      ...run,
      reason: 'finished',
      lastStep: { step: 2, parts: [{ part: stepStart }] },
      closedCalls: [{ callId: 'call-1', part: finishedShell('call-1', 'late') }],
      lastOrdinal: 99,
    }),
};

/** How a worker loses its run: each leaves the run to somebody else. */
const losses: Readonly<Record<string, (runId: string, wakeup: number) => Promise<unknown>>> = {
  'another worker claimed it': async (runId, wakeup) => claimRun(sql, { runId, wakeup, workerId: 'other' }),
  'the sweep gave it a new wakeup': async (runId, wakeup) => wakeRun(sql, { runId, wakeup }),
  'it was handed over': async (runId) => releaseRun(sql, { runId, epoch: 1, lastOrdinal: 3 }),
  'another worker ended it': async (runId, wakeup) => {
    await claimRun(sql, { runId, wakeup, workerId: 'other' });
    await finishRun(sql, { runId, epoch: 2, reason: 'finished', lastOrdinal: 5 });
  },
  'it waits for a person': async (runId) =>
    sql`update runs set status = 'awaiting-approval', wait_event_id = '1-3' where id = ${runId}`,
};

describe('a worker that lost its run', () => {
  it.each(Object.keys(losses).flatMap((loss) => Object.keys(workerVerbs).map((verb) => ({ loss, verb }))))(
    'changes no row by $verb once $loss',
    async ({ loss, verb }) => {
      const { runId, epoch, wakeup, run } = await newClaimedRun(sql, actor);
      await storeParts(sql, {
        runId,
        epoch,
        step: 1,
        parts: [{ part: stepStart }, { part: calledShell('call-1') }],
        usage: usageOf(1, 1),
        costUsd: 0,
        lastOrdinal: 3,
        isFinal: false,
      });
      await losses[loss]?.(runId, wakeup);
      const before = await rowsOf(run);
      await expect(workerVerbs[verb]?.({ runId, epoch })).rejects.toThrow(RunLostError);
      expect(await rowsOf(run)).toEqual(before);
    },
  );

  it.each(Object.keys(workerVerbs))('cannot even try %s on a run that does not exist', async (verb) => {
    await expect(workerVerbs[verb]?.({ runId: randomUUID(), epoch: 1 })).rejects.toThrow(RunLostError);
  });
});

/** Every row that belongs to the run. */
async function rowsOf(run: { readonly id: string; readonly threadId: string; readonly projectId: string }) {
  return sql`
    select
      (select json_agg(r) from runs r where r.id = ${run.id}) as runs,
      (select json_agg(u order by u.step, u.epoch) from usage u where u.run_id = ${run.id}) as usage,
      (select json_agg(p order by p.step, p.position)
        from parts p join messages m on m.id = p.message_id where m.thread_id = ${run.threadId}) as parts,
      (select json_agg(m order by m.position) from messages m where m.thread_id = ${run.threadId}) as messages,
      (select json_agg(t) from threads t where t.id = ${run.threadId}) as thread,
      (select json_agg(p) from projects p where p.id = ${run.projectId}) as project`;
}
