import { createHash, randomBytes } from 'node:crypto';
import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';

/**
 * Makes a ticket for a run's stream: whoever holds it reads this stream and nothing else, until the run's end and a
 * grace time after it. 256 random bits, kept as a hash. Throws `not_found`.
 */
export async function createStreamTicket(
  sql: Database,
  actor: Actor,
  runId: string,
): Promise<{ readonly ticket: string; readonly run: Run }> {
  const ticket = randomBytes(32).toString('base64url');
  const row = await answerOf(sql<{ answer: RunRow }[]>`
    select create_stream_ticket(${actorValue(sql, actor)}, ${runId}, ${hashOf(ticket)}) as answer`);
  return { ticket, run: runOfRow(row) };
}

/** The run that a ticket is good for, and whose it is; null for another run's, an expired or revoked one, or no ticket at all. */
export async function readTicketRun(
  sql: Database,
  { ticket, runId, graceMs }: { readonly ticket: string; readonly runId: string; readonly graceMs: number },
): Promise<{ readonly run: Run; readonly accountId: string } | null> {
  const row = await answerOf(sql<{ answer: RunRow | null }[]>`
    select read_ticket_run(${hashOf(ticket)}, ${runId}, ${graceMs}) as answer`);
  return row && { run: runOfRow(row), accountId: row.account_id };
}

/** Makes every ticket of the run worthless; streams that are open stay. Throws `not_found`, `forbidden`. */
export async function revokeStreamTickets(sql: Database, actor: Actor, runId: string): Promise<void> {
  await answerOf(sql<{ answer: number }[]>`
    select revoke_stream_tickets(${actorValue(sql, actor)}, ${runId}) as answer`);
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
