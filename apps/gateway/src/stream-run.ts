import { AppError, formatEventId, isEnded, type Run } from '@switchyard/protocol';
import type { Gateway, GatewayContext } from './gateway.ts';
import { cursorOf, openRunStream } from './open-run-stream.ts';
import { viewSchema } from './queries.ts';
import { lastPositionOf } from './run-snapshot.ts';
import { validate } from './validate.ts';

/**
 * Answers `GET /v1/runs/:id/stream`, from the cursor of the request; `readRun` says whether the caller may read it. A
 * viewer who has the last event gets 204. With `?until=wait` the view ends like a chat's where the run waits for a
 * person: so a chat whose connection broke goes on by cursor.
 */
export async function streamRun(
  gateway: Gateway,
  c: GatewayContext,
  readRun: () => Promise<Run>,
): Promise<Response> {
  refuseHead(c);
  const cursor = cursorOf(c.req.header('last-event-id'), c.req.query('after'));
  const { until } = validate(viewSchema, c.req.query());
  const run = await readRun();
  const isAtEnd =
    cursor && isEnded(run.status) && formatEventId(cursor) === formatEventId(lastPositionOf(run));
  // Only this status keeps an EventSource from connecting again.
  if (isAtEnd) return c.body(null, 204);
  return openRunStream(gateway, c, { run, cursor, endsAtWait: until === 'wait' });
}

/** Hono answers HEAD by the handler of GET; a stream without a body would never end. */
export function refuseHead(c: GatewayContext): void {
  if (c.env.incoming.method !== 'GET') {
    throw new AppError('method_not_allowed', 'A stream can only be read.', { details: { allow: 'GET' } });
  }
}
