import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { connectRedis, createControl, createRunLogSubscriber, createRunQueue } from '@switchyard/bus';
import { type Lifecycle, type Logger, startAdminServer, withDeadline } from '@switchyard/process';
import { AppError, newId } from '@switchyard/protocol';
import { createSandboxes } from '@switchyard/sandbox';
import { createSandboxRecords, connectDatabase, createBlobs } from '@switchyard/store';
import { createApp } from './app.ts';
import { createAuthenticator } from './authenticate.ts';
import type { Config } from './config.ts';
import { createEventStreams } from './event-streams.ts';
import { createGate } from './gate.ts';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';
import { loadPageFiles } from './page-files.ts';
import { problemOfError } from './problem.ts';
import { createWriteLimit } from './rate-limit.ts';
import { createRunFeeds } from './run-feeds.ts';
import { createStreamShares } from './stream-shares.ts';
import { createUploadStore } from './store-uploads.ts';

/** A gateway that serves. */
export interface RunningGateway {
  readonly url: string;
  readonly adminUrl: string;
}

/**
 * Opens everything a gateway needs and serves the API and its private port. The lifecycle stops it: streams are cut,
 * requests get `drainMs` to end, then the connections close.
 */
export async function startGateway({
  config,
  logger,
  lifecycle,
}: {
  readonly config: Config;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}): Promise<RunningGateway> {
  const sql = connectDatabase({
    url: config.databaseUrl,
    maxConnections: config.databasePool,
    applicationName: 'switchyard-gateway',
  });
  lifecycle.onStop('database', () => sql.end({ timeout: 5 }));
  const redis = connectRedis(config.redisUrl, { name: 'switchyard-gateway' });
  lifecycle.onStop('redis', () => redis.disconnect());
  const queue = createRunQueue({ redisUrl: config.redisUrl });
  lifecycle.onStop('queue', () => queue.close());
  const control = createControl({ redisUrl: config.redisUrl });
  lifecycle.onStop('control', () => control.close());
  const subscriber = createRunLogSubscriber({ redisUrl: config.redisUrl });
  lifecycle.onStop('subscriber', () => subscriber.close());
  const feeds = createRunFeeds({ subscriber, sql, queue, logger });
  lifecycle.onStop('feeds', () => feeds.stop());
  const records = createSandboxRecords(sql, { maxRunningPerAccount: config.sandboxesPerAccount });
  const sandboxes = config.daytona && createSandboxes({ ...config.daytona, records });
  if (sandboxes) lifecycle.onStop('sandboxes', () => sandboxes.close());
  const streams = createEventStreams();
  const blobs = createBlobs({
    supabaseUrl: config.supabaseUrl,
    secretKey: config.supabaseSecretKey,
    bucket: config.storageBucket,
  });

  const gateway: Gateway = {
    config,
    logger,
    stopping: lifecycle.signal,
    sql,
    redis,
    queue,
    control,
    blobs,
    storeUploads: createUploadStore(sql, blobs),
    authenticate: createAuthenticator({
      sql,
      supabaseUrl: config.supabaseUrl,
      jwtSecret: config.supabaseJwtSecret,
    }),
    largeBodies: createGate(limits.largeBodies),
    consumeWrite: createWriteLimit({ redis, ...config.rateLimit }),
    feeds,
    streams,
    streamShares: createStreamShares(config.streamsPerAccount),
    page: await loadPageFiles(),
    sandboxes,
  };

  // Registered before the server and so closed after it: while requests end, probes are told that it stops.
  let isServing = false;
  const admin = await startAdminServer({
    port: config.adminPort,
    host: config.adminHost,
    readiness: async () => ({
      postgres: await stateOf(sql`select 1`),
      redis: await stateOf(redis.ping()),
      gateway: lifecycle.signal.aborted ? 'stopping' : isServing ? 'ok' : 'starting',
    }),
    status: async () => ({
      streams: streams.count,
      bufferedBytes: streams.bufferedBytes,
      followedRuns: feeds.count,
      queue: await queue.counts(),
      memory: process.memoryUsage(),
      uptimeS: Math.round(process.uptime()),
    }),
  });
  lifecycle.onStop('admin', () => admin.close());
  // The first request should not pay for the connections. Without them the gateway serves all the same, and says 503.
  const connections = { postgres: await stateOf(sql`select 1`), redis: await stateOf(redis.ping()) };
  if (Object.values(connections).some((state) => state !== 'ok'))
    logger.warn(connections, 'not connected yet');
  const url = await serve(gateway, lifecycle);
  isServing = true;
  return { url, adminUrl: admin.url };
}

async function serve(gateway: Gateway, lifecycle: Lifecycle): Promise<string> {
  const { config, logger, streams } = gateway;
  const app = createApp(gateway);
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // What never becomes a request (a target that is no url, a foreign Host) is told in the same form.
    errorHandler: (error) => {
      const refusal = new AppError('invalid_request', 'The request line or the Host header is not valid.', {
        cause: error,
      });
      const { status, body } = problemOfError(refusal, newId());
      return new Response(JSON.stringify(body), {
        status,
        headers: { 'content-type': 'application/problem+json' },
      });
    },
  });
  const server = createServer(
    { requestTimeout: 2 * limits.uploadTimeoutMs, headersTimeout: 15_000 },
    (request, response) => {
      listener(request, response).catch((error: unknown) => {
        logger.error({ error }, 'a request failed outside of the app');
        response.destroy();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  lifecycle.onStop('server', async () => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    await streams.drain();
    await withDeadline(closed, { timeoutMs: config.drainMs, what: 'The end of open requests' }).catch(() =>
      server.closeAllConnections(),
    );
  });
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return `http://${host}:${port}`;
}

async function stateOf(question: PromiseLike<unknown>): Promise<string> {
  try {
    await withDeadline(Promise.resolve(question), { timeoutMs: 2000, what: 'The answer' });
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : 'failed';
  }
}
