import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Logger } from '@switchyard/process';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { parseDomains } from './egress/policy.ts';
import { HostError } from './host-error.ts';
import type { PreviewServer } from './previews/preview-server.ts';
import type { SandboxRegistry, SandboxView } from './sandbox-registry.ts';
import { forwardToInit, InitGoneError } from './toolbox-proxy.ts';

type HostContext = Context<{ Bindings: HttpBindings }>;

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly handle: (
    registry: SandboxRegistry,
    c: HostContext,
    previews: PreviewServer,
  ) => Promise<Response> | Response;
}

const createSchema = z.object({
  name: z.string().min(1).max(128).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  autoStopInterval: z.number().int().nonnegative().optional(),
  networkBlockAll: z.boolean().optional(),
  domainAllowList: z
    .string()
    .transform((list) => parseDomains(list))
    .refine((domains) => domains !== null)
    .optional(),
  // What this host cannot keep it must not promise.
  networkAllowList: z.literal('').optional(),
});

const previewSchema = z.object({
  port: z.coerce.number().int().min(1).max(65_535),
  seconds: z.coerce.number().int().min(1).max(86_400).default(60),
});

/** The sandbox as the Daytona API describes one. */
function describe(c: HostContext, { record, state, lastActivityAt }: SandboxView): object {
  return {
    id: record.id,
    name: record.name,
    organizationId: 'local',
    user: 'user',
    env: {},
    labels: record.labels,
    public: false,
    networkBlockAll: record.isNetworkBlocked,
    ...(record.allowedDomains === null ? {} : { domainAllowList: record.allowedDomains.join(',') }),
    target: 'local',
    cpu: 0,
    gpu: 0,
    memory: 0,
    disk: 0,
    state,
    desiredState: state,
    autoStopInterval: record.autoStopMinutes,
    createdAt: record.createdAt,
    updatedAt: record.createdAt,
    lastActivityAt: lastActivityAt.toISOString(),
    toolboxProxyUrl: new URL('/toolbox', c.req.url).href,
  };
}

async function create(registry: SandboxRegistry, c: HostContext): Promise<Response> {
  const body = createSchema.safeParse(await c.req.json().catch(() => null));
  if (!body.success) throw new HostError(400, 'INVALID_REQUEST', 'The sandbox is not described correctly.');
  const sandbox = await registry.create({
    name: body.data.name ?? null,
    labels: body.data.labels ?? {},
    autoStopMinutes: body.data.autoStopInterval ?? null,
    isNetworkBlocked: body.data.networkBlockAll ?? false,
    // The service takes an empty list for none.
    allowedDomains: body.data.domainAllowList?.length ? body.data.domainAllowList : null,
  });
  return c.json(describe(c, sandbox));
}

function idOf(c: HostContext): string {
  return c.req.param('id') ?? '';
}

/** A sandbox id is a UUID: the address of a preview holds it. */
function preview(registry: SandboxRegistry, c: HostContext, previews: PreviewServer): Response {
  const query = previewSchema.safeParse({
    port: c.req.param('port'),
    seconds: c.req.query('expiresInSeconds'),
  });
  if (!query.success) throw new HostError(400, 'INVALID_REQUEST', 'There is no such port, or no such time.');
  const { port, seconds } = query.data;
  const sandboxId = registry.find(idOf(c)).record.id;
  const url = previews.urlOf({ sandboxId, port, expiresAt: Math.ceil(Date.now() / 1000) + seconds });
  const token = new URL(url).hostname.split('.')[0]?.slice(`${port}-`.length) ?? '';
  return c.json({ sandboxId, port, token, url });
}

function forward(path: string): Route['handle'] {
  return async (registry, c) => {
    const id = idOf(c);
    const namespace = registry.enter(id);
    try {
      return await forwardToInit(namespace, path, c.env);
    } catch (error) {
      if (!(error instanceof InitGoneError)) throw error;
      await registry.stop(id, { namespace, reason: 'it ended by itself' });
      throw new HostError(409, 'SANDBOX_NOT_STARTED', 'The sandbox is not started.');
    } finally {
      registry.leave(id);
    }
  };
}

/** Every route of the Daytona wire that `packages/sandbox` calls, and no other. */
export const routes: readonly Route[] = [
  { method: 'POST', path: '/sandbox', handle: create },
  {
    method: 'GET',
    path: '/sandbox/:id',
    handle: (registry, c) => c.json(describe(c, registry.find(idOf(c)))),
  },
  {
    method: 'POST',
    path: '/sandbox/:id/start',
    handle: async (registry, c) =>
      c.json(describe(c, await registry.start(registry.find(idOf(c)).record.id))),
  },
  { method: 'GET', path: '/sandbox/:id/ports/:port/signed-preview-url', handle: preview },
  {
    method: 'POST',
    path: '/sandbox/:id/stop',
    handle: async (registry, c) => c.json(describe(c, await registry.stop(registry.find(idOf(c)).record.id))),
  },
  {
    method: 'DELETE',
    path: '/sandbox/:id',
    async handle(registry, c) {
      const sandbox = registry.find(idOf(c));
      await registry.remove(sandbox.record.id);
      return c.json({ ...describe(c, sandbox), state: 'destroyed', desiredState: 'destroyed' });
    },
  },
  { method: 'POST', path: '/toolbox/:id/process/execute', handle: forward('/process/execute') },
  { method: 'POST', path: '/toolbox/:id/files/bulk-upload', handle: forward('/files/bulk-upload') },
];

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function refuse(c: HostContext, { status, code, message }: HostError): Response {
  return c.json({ statusCode: status, source: 'SWITCHYARD_SANDBOX_HOST', code, message }, status);
}

/** The host's HTTP side. Every route needs the key, as a bearer token. */
export function createApp({
  registry,
  previews,
  apiKey,
  logger,
}: {
  readonly registry: SandboxRegistry;
  readonly previews: PreviewServer;
  readonly apiKey: string;
  readonly logger: Logger;
}): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const expected = digest(`Bearer ${apiKey}`);
  app.use(async (c, next) => {
    if (!timingSafeEqual(digest(c.req.header('authorization') ?? ''), expected)) {
      return refuse(c, new HostError(401, 'UNAUTHORIZED', 'The API key is not the one of this host.'));
    }
    return next();
  });
  for (const { method, path, handle } of routes) app.on(method, path, (c) => handle(registry, c, previews));
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
