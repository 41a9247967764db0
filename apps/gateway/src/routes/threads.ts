import { createThreadRequestSchema, type MessagesResponse, type RunsResponse } from '@switchyard/protocol';
import { createThread, listThreadRuns, listThreads, readMessages, readThread } from '@switchyard/store';
import { Hono } from 'hono';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { pageSchema } from '../page.ts';
import { readJson } from '../read-body.ts';
import { validate } from '../validate.ts';

/** `/v1/threads`; every `:threadId` is an id or the client's own externalId. */
export function threadRoutes({ sql }: Pick<Gateway, 'sql'>): Hono<GatewayEnv> {
  const routes = new Hono<GatewayEnv>();

  routes.get('/', async (c) =>
    c.json(await listThreads(sql, c.get('actor'), validate(pageSchema, c.req.query()))),
  );

  routes.post('/', async (c) => {
    const body = await readJson(c.env.incoming, {
      maxBytes: limits.jsonBytes,
      timeoutMs: limits.bodyTimeoutMs,
    });
    const thread = await createThread(sql, c.get('actor'), validate(createThreadRequestSchema, body));
    c.header('location', `/v1/threads/${thread.id}`);
    c.header('x-thread-id', thread.id);
    return c.json({ thread }, 201);
  });

  routes.get('/:threadId', async (c) =>
    c.json({ thread: await readThread(sql, c.get('actor'), c.req.param('threadId')) }),
  );

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
