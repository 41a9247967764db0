import { AppError, type TicketResponse } from '@switchyard/protocol';
import { createStreamTicket, readTicketRun } from '@switchyard/store';
import type { MiddlewareHandler } from 'hono';
import type { Gateway, GatewayContext, GatewayEnv } from './gateway.ts';
import { streamRun } from './stream-run.ts';

/** The absolute url of a run's stream, on the address under which the caller reached us unless one is configured. */
export function streamUrlOf({ config }: Pick<Gateway, 'config'>, c: GatewayContext, runId: string): string {
  return `${config.publicUrl ?? new URL(c.req.url).origin}/v1/runs/${runId}/stream`;
}

/** Makes a ticket for a run's stream. Throws AppError `not_found`. */
export async function issueTicket(
  gateway: Pick<Gateway, 'config' | 'sql'>,
  c: GatewayContext,
  runId: string,
): Promise<TicketResponse> {
  const { ticket, run } = await createStreamTicket(gateway.sql, c.get('actor'), runId);
  const { runGraceMs } = gateway.config;
  return {
    ticket,
    streamUrl: `${streamUrlOf(gateway, c, run.id)}?ticket=${ticket}`,
    expiresAt: run.endedAt && new Date(Date.parse(run.endedAt) + runGraceMs).toISOString(),
  };
}

/**
 * Lets a ticket in where others need to say who they are: an EventSource can send no header. Stands before the check of
 * tokens, on the path of a run's stream alone; a request with an `Authorization` goes on to that check.
 */
export function admitTickets(gateway: Gateway): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const ticket = c.req.query('ticket');
    if (ticket === undefined || c.req.header('authorization') !== undefined) return await next();
    const runId = c.req.param('id') ?? '';
    return await streamRun(gateway, c, async () => {
      const { runGraceMs: graceMs } = gateway.config;
      const admitted = await readTicketRun(gateway.sql, { ticket, runId, graceMs });
      if (!admitted)
        throw new AppError('unauthorized', 'The ticket is not valid for this run, or not any more.');
      c.set('ticketAccountId', admitted.accountId);
      return admitted.run;
    });
  };
}
