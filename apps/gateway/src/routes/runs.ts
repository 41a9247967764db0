import {
  type ApprovalResponse,
  approvalRequestSchema,
  isEnded,
  type CancelResponse,
  type Run,
  type RunResponse,
  type StartRunResponse,
  type SteeringResponse,
  steeringRequestSchema,
  type TicketResponse,
} from '@switchyard/protocol';
import {
  answerApprovals,
  correctRun,
  readFollowedRuns,
  readRun,
  requestCancel,
  revokeStreamTickets,
  type StartedRun,
} from '@switchyard/store';
import { Hono } from 'hono';
import { addToQueue, announceCancel, announceStart } from '../announce.ts';
import { awaitRunEnd } from '../await-run-end.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { openRunStream } from '../open-run-stream.ts';
import { waitSchema } from '../queries.ts';
import { readJson } from '../read-body.ts';
import { readRunRequest } from '../read-run-request.ts';
import { type RunRequest, startRun } from '../start-run.ts';
import { streamRun } from '../stream-run.ts';
import { issueTicket, streamUrlOf } from '../stream-tickets.ts';
import { validate } from '../validate.ts';

const bodyLimits = { maxBytes: limits.jsonBytes, timeoutMs: limits.bodyTimeoutMs };

/** `/v1/runs`: start, look, follow, stop. */
export function runRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.post('/', async (c) => {
    const { accountId } = c.get('actor');
    const place = gateway.largeBodies(accountId);
    let request: RunRequest;
    let started: StartedRun;
    try {
      request = await readRunRequest(c.env.incoming, place);
      // Before a run is started whose stream would be refused.
      if (request.body.stream) gateway.streamShares.check(accountId);
      started = await startRun(gateway, c.get('actor'), request);
    } finally {
      place.leave();
    }
    const { run, thread, project } = started;
    c.header('location', `/v1/runs/${run.id}`);
    // Without Redis the run is stored all the same, so this is no failure: the stream can be opened later.
    if (request.body.stream && gateway.redis.status === 'ready')
      return openRunStream(gateway, c, { run, cursor: null });
    c.header('x-run-id', run.id);
    c.header('x-thread-id', thread.id);
    const stream = request.body.ticket
      ? await issueTicket(gateway, c, run.id)
      : { streamUrl: streamUrlOf(gateway, c, run.id) };
    return c.json({ run, thread, project, ...stream } satisfies StartRunResponse, 202);
  });

  routes.get('/:id', async (c) => {
    const { waitMs } = validate(waitSchema, c.req.query());
    let run = await readRun(sql, c.get('actor'), c.req.param('id'));
    if (waitMs > 0 && !isEnded(run.status)) {
      // A gateway that stops says how it stands now: whoever asks again comes to another one.
      await awaitRunEnd(gateway, run.id, { waitMs, endedBy: [c.req.raw.signal, gateway.stopping] });
      run = await readRun(sql, c.get('actor'), run.id);
    }
    return c.json({ run, queue: await queuePlaceOf(gateway, run) } satisfies RunResponse);
  });

  routes.get('/:id/stream', async (c) =>
    streamRun(gateway, c, () => readRun(sql, c.get('actor'), c.req.param('id'))),
  );

  routes.post('/:id/tickets', async (c) => {
    const ticket = await issueTicket(gateway, c, c.req.param('id'));
    return c.json(ticket satisfies TicketResponse, 201);
  });

  routes.delete('/:id/tickets', async (c) => {
    await revokeStreamTickets(sql, c.get('actor'), c.req.param('id'));
    return c.body(null, 204);
  });

  routes.post('/:id/cancel', async (c) => {
    const cancelled = await requestCancel(sql, c.get('actor'), c.req.param('id'));
    await announceCancel(gateway, cancelled);
    const { run } = cancelled;
    return c.json({ run, cancel: run.cancel } satisfies CancelResponse);
  });

  routes.post('/:id/approvals/:approvalId', async (c) => {
    const answer = validate(approvalRequestSchema, await readJson(c.env.incoming, bodyLimits));
    const { id: runId, approvalId } = c.req.param();
    const { run, runnable } = await answerApprovals(sql, c.get('actor'), {
      runId,
      answers: [{ approvalId, ...answer }],
    });
    for (const next of runnable) await addToQueue(gateway, next);
    return c.json({ run } satisfies ApprovalResponse);
  });

  routes.post('/:id/messages', async (c) => {
    const { text } = validate(steeringRequestSchema, await readJson(c.env.incoming, bodyLimits));
    const corrected = await correctRun(sql, c.get('actor'), { runId: c.req.param('id'), text });
    const { outcome } = corrected;
    if (outcome === 'next-step')
      return c.json({ outcome, run: corrected.run } satisfies SteeringResponse, 202);
    const { started } = corrected;
    await announceStart(gateway, started);
    c.header('location', `/v1/runs/${started.run.id}`);
    return c.json({ outcome, run: started.run } satisfies SteeringResponse, 202);
  });

  return routes;
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
