import { AppError } from '@switchyard/protocol';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { allowedOrigin } from './allowed-origin.ts';
import type { Gateway, GatewayEnv } from './gateway.ts';
import { answerProblem, identifyRequest } from './request-log.ts';
import { accountRoutes } from './routes/account.ts';
import { chatRoutes } from './routes/chat.ts';
import { fileRoutes } from './routes/files.ts';
import { docsRoutes } from './routes/docs.ts';
import { configRoutes } from './routes/config.ts';
import { pageRoutes } from './routes/page.ts';
import { projectRoutes } from './routes/projects.ts';
import { runRoutes } from './routes/runs.ts';
import { threadRoutes } from './routes/threads.ts';
import { refuseOtherMethods } from './refuse-other-methods.ts';
import { admitTickets } from './stream-tickets.ts';

/**
 * The HTTP API from top to bottom: each request gets an id and a log line, then CORS, then who asks, then the limit on
 * writing, then its route. Whatever throws becomes a problem document.
 */
export function createApp(gateway: Gateway): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>();

  app.use(identifyRequest(gateway));
  app.use(
    cors({
      origin: (origin) => allowedOrigin(gateway.config.corsOrigins, origin),
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowHeaders: [
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'If-Range',
        'Last-Event-ID',
        'Range',
        'X-Account-Id',
      ],
      exposeHeaders: [
        'Content-Range',
        'ETag',
        'Location',
        'X-Run-Id',
        'X-Thread-Id',
        'X-Request-Id',
        'Retry-After',
        'RateLimit',
        'RateLimit-Policy',
      ],
      // Browsers keep a preflight's answer no longer than two hours.
      maxAge: 7200,
    }),
  );
  app.get('/livez', (c) => c.json({ status: 'ok' }));
  app.route('/', pageRoutes(gateway));
  app.route('/', docsRoutes(gateway));
  // Asked before anybody has signed in.
  app.route('/v1/config', configRoutes(gateway));

  app.use('/v1/*', async (c, next) => {
    // No id has a NUL, and Postgres takes no text with one.
    if (c.req.path.includes('\0')) throw new AppError('not_found', 'There is nothing of this name.');
    await next();
  });
  app.get('/v1/runs/:id/stream', admitTickets(gateway));
  app.use('/v1/*', async (c, next) => {
    c.set('actor', await gateway.authenticate(c.req.header('authorization')));
    await next();
  });
  app.use('/v1/*', async (c, next) => {
    const { method } = c.req;
    if (method !== 'GET' && method !== 'HEAD') {
      const { headers, refusal } = await gateway.consumeWrite(c.get('actor').accountId);
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
      if (refusal) throw refusal;
    }
    await next();
  });

  app.route('/v1/chat', chatRoutes(gateway));
  app.route('/v1/runs', runRoutes(gateway));
  app.route('/v1/threads', threadRoutes(gateway));
  app.route('/v1/projects', projectRoutes(gateway));
  app.route('/v1/files', fileRoutes(gateway));
  app.route('/v1', accountRoutes(gateway));

  refuseOtherMethods(app);
  app.notFound((c) => answerProblem(c, new AppError('not_found', 'There is no such route.')));
  app.onError((error, c) => answerProblem(c, error));
  return app;
}
