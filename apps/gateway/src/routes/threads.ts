import {
  createThreadRequestSchema,
  type MessagesResponse,
  type RunsResponse,
  type ThreadResponse,
  type ThreadsResponse,
  updateThreadRequestSchema,
} from '@switchyard/protocol';
import {
  createThread,
  deleteThread,
  listThreadRuns,
  listThreads,
  readMessages,
  readThread,
  updateThread,
} from '@switchyard/store';
import { Hono } from 'hono';
import { announceDeletion } from '../announce.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { pageSchema, threadsQuerySchema } from '../queries.ts';
import { readJson } from '../read-body.ts';
import { validate } from '../validate.ts';

/** `/v1/threads`; every `:threadId` is an id or the client's own externalId. */
export function threadRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.get('/', async (c) => {
    const threads = await listThreads(sql, c.get('actor'), validate(threadsQuerySchema, c.req.query()));
    return c.json(threads satisfies ThreadsResponse);
  });

  routes.post('/', async (c) => {
    const body = await readJson(c.env.incoming, {
      maxBytes: limits.jsonBytes,
      timeoutMs: limits.bodyTimeoutMs,
    });
    const thread = await createThread(sql, c.get('actor'), validate(createThreadRequestSchema, body));
    c.header('location', `/v1/threads/${thread.id}`);
    c.header('x-thread-id', thread.id);
    return c.json({ thread } satisfies ThreadResponse, 201);
  });

  routes.get('/:threadId', async (c) =>
    c.json({ thread: await readThread(sql, c.get('actor'), c.req.param('threadId')) }),
  );

  routes.patch('/:threadId', async (c) => {
    const changes = validate(
      updateThreadRequestSchema,
      await readJson(c.env.incoming, { maxBytes: limits.jsonBytes, timeoutMs: limits.bodyTimeoutMs }),
    );
    const thread = await updateThread(sql, c.get('actor'), c.req.param('threadId'), changes);
    return c.json({ thread } satisfies ThreadResponse);
  });

  routes.delete('/:threadId', async (c) => {
    await announceDeletion(gateway, await deleteThread(sql, c.get('actor'), c.req.param('threadId')));
    return c.body(null, 204);
  });

  routes.get('/:threadId/messages', async (c) => {
    const page = validate(pageSchema, c.req.query());
    const messages = await readMessages(sql, c.get('actor'), c.req.param('threadId'), page);
    return c.json(messages satisfies MessagesResponse);
  });

  routes.get('/:threadId/runs', async (c) => {
    const runs = await listThreadRuns(sql, c.get('actor'), c.req.param('threadId'));
    return c.json({ runs } satisfies RunsResponse);
  });

  return routes;
}
