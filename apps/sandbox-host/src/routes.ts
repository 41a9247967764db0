import { createHash, timingSafeEqual } from 'node:crypto';
import type { Sandbox, SignedPortPreviewUrl } from '@daytona/api-client';
import type { HttpBindings } from '@hono/node-server';
import type { Logger } from '@switchyard/process';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { describeSandbox, readCreateRequest } from './describe-sandbox.ts';
import { HostError } from './host-error.ts';
import type { SandboxLimits } from './limits.ts';
import type { PreviewServer } from './previews/preview-server.ts';
import type { SandboxRegistry, SandboxView } from './sandbox-views.ts';
import { forwardToInit, InitGoneError } from './toolbox-proxy.ts';

type HostContext = Context<{ Bindings: HttpBindings }>;

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly handle: (host: Host, c: HostContext) => Promise<Response> | Response;
}

const previewSchema = z.object({
  port: z.coerce.number().int().min(1).max(65_535),
  seconds: z.coerce.number().int().min(1).max(86_400).default(60),
});

/** What a handler works with. */
interface Host {
  readonly registry: SandboxRegistry;
  readonly previews: PreviewServer;
  readonly limits: SandboxLimits;
}

/** Answers with the sandbox that an action gave, as the wire's clients know it. */
function answerSandbox(
  act: (host: Host, c: HostContext) => Promise<SandboxView> | SandboxView,
): Route['handle'] {
  return async (host, c) => {
    const sandbox: Sandbox = describeSandbox(await act(host, c), new URL('/toolbox', c.req.url).href);
    return c.json(sandbox);
  };
}

async function create({ registry, limits }: Host, c: HostContext): Promise<SandboxView> {
  return registry.create(readCreateRequest(await c.req.json().catch(() => null), limits));
}

/** The sandbox that the path names, by id or name: its id. Throws HostError 404. */
function idOf({ registry }: Host, c: HostContext): string {
  return registry.find(c.req.param('id') ?? '').record.id;
}

/** A sandbox id is a UUID: the address of a preview holds it. */
function preview(host: Host, c: HostContext): Response {
  const query = previewSchema.safeParse({
    port: c.req.param('port'),
    seconds: c.req.query('expiresInSeconds'),
  });
  if (!query.success) throw new HostError(400, 'INVALID_REQUEST', 'There is no such port, or no such time.');
  const { port, seconds } = query.data;
  const sandboxId = idOf(host, c);
  const url = host.previews.urlOf({ sandboxId, port, expiresAt: Math.ceil(Date.now() / 1000) + seconds });
  const token = new URL(url).hostname.split('.')[0]?.slice(`${port}-`.length) ?? '';
  const answer: SignedPortPreviewUrl = { sandboxId, port, token, url };
  return c.json(answer);
}

function forward(path: string): Route['handle'] {
  return async ({ registry }, c) => {
    const id = c.req.param('id') ?? '';
    const { namespace, leave } = registry.enter(id);
    // Its answer is still on its way when this function returns.
    if (c.env.outgoing.closed) leave();
    else c.env.outgoing.once('close', leave);
    try {
      return await forwardToInit(namespace, path, c.env);
    } catch (error) {
      if (!(error instanceof InitGoneError)) throw error;
      await registry.stop(id, { namespace, reason: 'it ended by itself' });
      throw new HostError(409, 'SANDBOX_NOT_STARTED', 'The sandbox is not started.');
    }
  };
}

/** Every route of the Daytona wire that `packages/sandbox` calls, and no other. */
export const routes: readonly Route[] = [
  { method: 'POST', path: '/sandbox', handle: answerSandbox(create) },
  {
    method: 'GET',
    path: '/sandbox/:id',
    handle: answerSandbox((host, c) => host.registry.find(idOf(host, c))),
  },
  {
    method: 'POST',
    path: '/sandbox/:id/start',
    handle: answerSandbox((host, c) => host.registry.start(idOf(host, c))),
  },
  {
    method: 'POST',
    path: '/sandbox/:id/stop',
    handle: answerSandbox((host, c) => host.registry.stop(idOf(host, c))),
  },
  {
    method: 'POST',
    path: '/sandbox/:id/archive',
    handle: answerSandbox((host, c) => host.registry.archive(idOf(host, c))),
  },
  {
    method: 'DELETE',
    path: '/sandbox/:id',
    handle: answerSandbox((host, c) => host.registry.remove(idOf(host, c))),
  },
  { method: 'GET', path: '/sandbox/:id/ports/:port/signed-preview-url', handle: preview },
  { method: 'POST', path: '/toolbox/:id/process/execute', handle: forward('/process/execute') },
  { method: 'POST', path: '/toolbox/:id/files/bulk-upload', handle: forward('/files/bulk-upload') },
];

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function refuse(c: HostContext, { status, code, message }: HostError): Response {
  return c.json({ statusCode: status, source: 'SWITCHYARD_SANDBOX_HOST', code, message }, status);
}

/** The host's HTTP side. Every route needs the key, as a bearer token. */
export function createApp({
  apiKey,
  logger,
  ...host
}: Host & { readonly apiKey: string; readonly logger: Logger }): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const expected = digest(`Bearer ${apiKey}`);
  app.use(async (c, next) => {
    if (!timingSafeEqual(digest(c.req.header('authorization') ?? ''), expected)) {
      return refuse(c, new HostError(401, 'UNAUTHORIZED', 'The API key is not the one of this host.'));
    }
    return next();
  });
  for (const { method, path, handle } of routes) app.on(method, path, (c) => handle(host, c));
  app.notFound((c) => refuse(c, new HostError(404, 'NOT_FOUND', 'No such route.')));
  app.onError((error, c) => {
    if (error instanceof HostError) return refuse(c, error);
    logger.error({ error, path: c.req.path }, 'request failed');
    return c.json(
      { statusCode: 500, source: 'SWITCHYARD_SANDBOX_HOST', code: 'INTERNAL', message: 'The host failed.' },
      500,
    );
  });
  return app;
}
