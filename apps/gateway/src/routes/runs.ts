import {
  AppError,
  formatEventId,
  isEnded,
  type CancelResponse,
  type Run,
  type RunResponse,
  type StartRunResponse,
} from '@switchyard/protocol';
import { readFollowedRuns, readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { Hono } from 'hono';
import { z } from 'zod';
import { awaitRunEnd } from '../await-run-end.ts';
import type { Gateway, GatewayContext, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { cursorOf, openRunStream } from '../open-run-stream.ts';
import { isMultipart, readRunRequest } from '../read-run-request.ts';
import { lastPositionOf } from '../run-snapshot.ts';
import { addToQueue, type RunRequest, startRun } from '../start-run.ts';
import { validate } from '../validate.ts';

const waitSchema = z.object({ waitMs: z.coerce.number().int().min(0).max(limits.waitMs).default(0) });

/** `/v1/runs`: start, look, follow, stop. */
export function runRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql, control, logger } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.post('/', async (c) => {
    const leave = isMultipart(c.env.incoming) ? gateway.enterUpload() : undefined;
    let request: RunRequest;
    let started: StartedRun;
    try {
      request = await readRunRequest(c.env.incoming);
      started = await startRun(gateway, c.get('actor'), request);
    } finally {
      leave?.();
    }
    const { run, thread, project } = started;
    c.header('location', `/v1/runs/${run.id}`);
    // Without Redis the run is stored all the same, so this is no failure: the stream can be opened later.
    if (request.body.stream && gateway.redis.status === 'ready')
      return openRunStream(gateway, c, { run, cursor: null });
    c.header('x-run-id', run.id);
    c.header('x-thread-id', thread.id);
    const streamUrl = `${originOf(gateway, c)}/v1/runs/${run.id}/stream`;
    return c.json({ run, thread, project, streamUrl } satisfies StartRunResponse, 202);
  });

  routes.get('/:id', async (c) => {
    const { waitMs } = validate(waitSchema, c.req.query());
    let run = await readRun(sql, c.get('actor'), c.req.param('id'));
    if (waitMs > 0 && !isEnded(run.status)) {
      await awaitRunEnd(gateway, run.id, { waitMs, signal: c.req.raw.signal });
      run = await readRun(sql, c.get('actor'), run.id);
    }
    return c.json({ run, queue: await queuePlaceOf(gateway, run) } satisfies RunResponse);
  });

  routes.get('/:id/stream', async (c) => {
    // Hono answers HEAD by the handler of GET; a stream without a body would never end.
    if (c.env.incoming.method !== 'GET') {
      throw new AppError('method_not_allowed', 'A stream can only be read.', { details: { allow: 'GET' } });
    }
    const cursor = cursorOf(c.req.header('last-event-id'), c.req.query('after'));
    const run = await readRun(sql, c.get('actor'), c.req.param('id'));
    const isAtEnd =
      cursor && isEnded(run.status) && formatEventId(cursor) === formatEventId(lastPositionOf(run));
    // Only this status keeps an EventSource from connecting again.
    if (isAtEnd) return c.body(null, 204);
    return openRunStream(gateway, c, { run, cursor });
  });

  routes.post('/:id/cancel', async (c) => {
    const { run, wasEnded, endedBeforeClaim, promoted } = await requestCancel(
      sql,
      c.get('actor'),
      c.req.param('id'),
    );
    for (const next of promoted) await addToQueue(gateway, next);
    try {
      // Both only make it quicker: the worker reads the row at each step, the viewers' poll once a second.
      if (endedBeforeClaim) await gateway.feeds.refresh(run.id);
      else if (!wasEnded) await control.publish(run.id, { type: 'cancel' });
    } catch (error) {
      logger.warn({ error, runId: run.id }, 'a cancel could not be announced');
    }
    return c.json({ run, cancel: run.cancel } satisfies CancelResponse);
  });

  return routes;
}

function originOf({ config }: Pick<Gateway, 'config'>, c: GatewayContext): string {
  return config.publicUrl ?? new URL(c.req.url).origin;
}

/** Where a waiting run stands; the place is a comfort, so a queue that does not answer leaves it open. */
async function queuePlaceOf(
  { sql, queue }: Pick<Gateway, 'sql' | 'queue'>,
  run: Run,
): Promise<RunResponse['queue']> {
  if (run.status === 'pending') return { position: null };
  if (run.status !== 'queued') return null;
  const [followed] = await readFollowedRuns(sql, [run.id]);
  const position = followed ? await queue.position(followed).catch(() => null) : null;
  return { position };
}
