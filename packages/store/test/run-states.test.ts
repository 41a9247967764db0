import { runReasonSchema, runStatusSchema, runTransitions, statusOfReason } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => database.drop());

describe('the state machine in SQL', () => {
  it('has the transitions of the protocol, no more and no fewer', async () => {
    const rows = await database.sql<{ from: string; to: string }[]>`
      select from_status as from, to_status as to from run_transitions`;
    const expected = Object.entries(runTransitions).flatMap(([from, targets]) =>
      targets.map((to) => `${from} → ${to}`),
    );
    expect(rows.map(({ from, to }) => `${from} → ${to}`).sort()).toEqual(expected.sort());
  });

  it('knows every reason and the status that follows from it', async () => {
    const rows = await database.sql<
      { reason: string; status: string }[]
    >`select reason, status from run_reasons`;
    expect(Object.fromEntries(rows.map(({ reason, status }) => [reason, status]))).toEqual(
      Object.fromEntries(runReasonSchema.options.map((reason) => [reason, statusOfReason(reason)])),
    );
  });

  it.each(runStatusSchema.options.flatMap((from) => runStatusSchema.options.map((to) => ({ from, to }))))(
    'lets a run go from $from to $to only if the table says so',
    async ({ from, to }) => {
      const { sql } = database;
      const { run } = await newRun(sql, await newActor(sql));
      const columnsOf = (status: string) => {
        const isOver = ['completed', 'failed', 'cancelled'].includes(status);
        const reasons: Record<string, string> = {
          completed: 'finished',
          failed: 'internal',
          cancelled: 'cancelled',
        };
        return {
          status,
          reason: reasons[status] ?? null,
          ended_at: isOver ? new Date() : null,
          wait_event_id: '1-1',
        };
      };
      // The starting point is set past the trigger; only the step under test goes through it.
      await sql.begin(async (transaction) => {
        await transaction`set local session_replication_role = replica`;
        await transaction`update runs set ${transaction(columnsOf(from))} where id = ${run.id}`;
      });
      const step = sql`update runs set ${sql(columnsOf(to))} where id = ${run.id}`;
      // The same status is not written for its own sake by anybody: for an open run it is no change at all.
      const isAllowed = runTransitions[from].includes(to) || (from === to && runTransitions[from].length > 0);
      const outcome = await step.then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect(outcome).toBe(isAllowed ? 'done' : 'SY000');
    },
  );

  it('lets a run begin only as pending or queued', async () => {
    const { sql } = database;
    const { run } = await newRun(sql, await newActor(sql));
    const insert = sql`
      insert into runs (id, account_id, project_id, thread_id, message_id, user_message_id, status, model, request_hash)
      select gen_random_uuid(), account_id, project_id, thread_id, message_id, user_message_id, 'running', model, ''
      from runs where id = ${run.id}`;
    await expect(insert).rejects.toMatchObject({ code: 'SY000' });
  });

  it('refuses a reason that does not belong to the status, and an end without one', async () => {
    const { sql } = database;
    const { run } = await newRun(sql, await newActor(sql));
    await sql`update runs set status = 'running' where id = ${run.id}`;
    const asCompleted = sql`
      update runs set status = 'completed', reason = 'model-error', ended_at = now() where id = ${run.id}`;
    await expect(asCompleted).rejects.toMatchObject({ code: '23503' });
    const withoutReason = sql`update runs set status = 'failed', ended_at = now() where id = ${run.id}`;
    await expect(withoutReason).rejects.toMatchObject({ code: '23514' });
  });

  it.each(['completed', 'failed', 'cancelled'])('never rewrites a run that is %s', async (status) => {
    const { sql } = database;
    const { run } = await newRun(sql, await newActor(sql));
    const reason = { completed: 'finished', failed: 'internal', cancelled: 'cancelled' }[status] ?? '';
    await sql`update runs set status = 'running' where id = ${run.id}`;
    await sql`update runs set status = ${status}, reason = ${reason}, ended_at = now() where id = ${run.id}`;
    await expect(sql`update runs set steps = steps + 1 where id = ${run.id}`).rejects.toMatchObject({
      code: 'SY000',
    });
  });

  it('allows a thread one run that is queued, running or awaiting approval, and any number that wait', async () => {
    const { sql } = database;
    const { run } = await newRun(sql, await newActor(sql));
    const add = (status: string) => sql`
      with message as (
        insert into messages (id, thread_id, position, role, public_id)
        select id, ${run.threadId}, 100 + (random() * 1e6)::integer, 'assistant', id::text from gen_random_uuid() as id
        returning id)
      insert into runs (id, account_id, project_id, thread_id, message_id, user_message_id, status, model, request_hash)
      select gen_random_uuid(), r.account_id, r.project_id, r.thread_id, m.id, r.user_message_id, ${status}, 'm', ''
      from runs r, message m where r.id = ${run.id}`;
    await expect(add('queued')).rejects.toMatchObject({ constraint_name: 'runs_active' });
    await add('pending');
    await add('pending');
    await sql`update runs set status = 'running' where id = ${run.id}`;
    await expect(add('queued')).rejects.toMatchObject({ constraint_name: 'runs_active' });
    await sql`update runs set status = 'awaiting-approval', wait_event_id = '1-5' where id = ${run.id}`;
    await expect(add('queued')).rejects.toMatchObject({ constraint_name: 'runs_active' });
  });
});
