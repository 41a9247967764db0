import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Actor,
  createApiKey,
  createStreamTicket,
  type Database,
  readTicketRun,
  resolveApiKey,
  revokeStreamTickets,
} from '../src/index.ts';
import { answer } from './chat.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
let sql: Database;
let actor: Actor;
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 12 });
  sql = database.sql;
  actor = await newActor(sql);
});
afterAll(async () => database.drop());

describe('a stream ticket', () => {
  const good = async (ticket: string, runId: string, graceMs = 60_000) =>
    (await readTicketRun(sql, { ticket, runId, graceMs }))?.run.id === runId;

  it('is good for its run alone, from before its start until the grace time after its end', async () => {
    const started = await newRun(sql, actor);
    const { ticket, run } = await createStreamTicket(sql, actor, started.run.id);
    expect(run.id).toBe(started.run.id);
    expect(await good(ticket, run.id)).toBe(true);
    expect(await readTicketRun(sql, { ticket, runId: run.id, graceMs: 0 })).toEqual({
      run,
      accountId: actor.accountId,
    });
    expect(await good(ticket, (await newRun(sql, actor)).run.id)).toBe(false);
    expect(await good(`${ticket}x`, run.id)).toBe(false);
    expect(await good('', run.id)).toBe(false);
    expect(await good(ticket, 'garbage')).toBe(false);
    await answer(sql, started, 'done');
    expect(await good(ticket, run.id)).toBe(true);
    expect(await good(ticket, run.id, 0)).toBe(false);
  });

  it('is not in the database, but for its hash', async () => {
    const { run } = await newRun(sql, actor);
    const { ticket } = await createStreamTicket(sql, actor, run.id);
    const rows = await sql`select t::text as row from stream_tickets t where run_id = ${run.id}`;
    expect(rows).toHaveLength(1);
    expect(rows[0]?.['row']).not.toContain(ticket);
  });

  it('dies with its run, when it is revoked, and with its maker’s right to read', async () => {
    const { run, thread } = await newRun(sql, actor);
    const first = await createStreamTicket(sql, actor, run.id);
    await revokeStreamTickets(sql, actor, run.id);
    expect(await good(first.ticket, run.id)).toBe(false);

    const { id, key } = await createApiKey(sql, actor, { name: 'k' });
    const second = await createStreamTicket(sql, (await resolveApiKey(sql, key))!, run.id);
    expect(await good(second.ticket, run.id)).toBe(true);
    await sql`update api_keys set revoked_at = now() where id = ${id}`;
    expect(await good(second.ticket, run.id)).toBe(false);

    const third = await createStreamTicket(sql, actor, run.id);
    await sql`delete from threads where id = ${thread.id}`;
    expect(await good(third.ticket, run.id)).toBe(false);
  });
});
