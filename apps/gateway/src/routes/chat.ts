import { AppError, parseEventId, type StopResponse } from '@switchyard/protocol';
import {
  answerApprovals,
  readAnsweringRun,
  readChatRun,
  type StartedRun,
  stopThread,
} from '@switchyard/store';
import { Hono } from 'hono';
import { addToQueue, announceCancel } from '../announce.ts';
import type { Gateway, GatewayContext, GatewayEnv } from '../gateway.ts';
import { openRunStream } from '../open-run-stream.ts';
import { type ChatCommand, readChatRequest } from '../read-chat-request.ts';
import { startChatRun } from '../start-chat-run.ts';
import { refuseHead } from '../stream-run.ts';

/** `/v1/chat`: what useChat's transport speaks. Its streams end where a run waits for a person. */
export function chatRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql, config } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.post('/', async (c) => {
    const { accountId } = c.get('actor');
    // Before a run is started whose stream would be refused.
    gateway.streamShares.check(accountId);
    const place = gateway.largeBodies(accountId);
    let started: StartedRun;
    try {
      const { body, command } = await readChatRequest(c.env.incoming, place);
      if (command.kind === 'answer') return await goOn(c, body.id ?? '', command);
      started = await startChatRun(gateway, c.get('actor'), { body, command });
    } finally {
      place.leave();
    }
    return openRunStream(gateway, c, { run: started.run, cursor: null, endsAtWait: true });
  });

  /** The client goes on with the message that it has, so it is sent only what follows the wait. */
  async function goOn(
    c: GatewayContext,
    threadId: string,
    { messageId, approvals }: Extract<ChatCommand, { kind: 'answer' }>,
  ): Promise<Response> {
    const actor = c.get('actor');
    const { id: runId } = await readAnsweringRun(sql, actor, { threadId, messageId });
    const { run, waitEventId, runnable } = await answerApprovals(sql, actor, { runId, answers: approvals });
    for (const next of runnable) await addToQueue(gateway, next);
    const cursor = waitEventId === null ? null : parseEventId(waitEventId);
    if (!cursor) throw new AppError('conflict', 'The run does not wait for an answer.');
    return openRunStream(gateway, c, { run, cursor, endsAtWait: true, continuesMessage: true });
  }

  routes.get('/:threadId/stream', async (c) => {
    refuseHead(c);
    const threadId = c.req.param('threadId');
    const run = await readChatRun(sql, c.get('actor'), { threadId, graceMs: config.runGraceMs });
    // An unknown thread too: a client asks before it sends its first message.
    if (!run) return c.body(null, 204);
    return openRunStream(gateway, c, { run, cursor: null, endsAtWait: true });
  });

  routes.post('/:threadId/stop', async (c) => {
    const stopped = await stopThread(sql, c.get('actor'), c.req.param('threadId'));
    if (stopped) await announceCancel(gateway, stopped);
    const run = stopped?.run ?? null;
    return c.json({ run, cancel: run?.cancel ?? null } satisfies StopResponse);
  });

  return routes;
}
