import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { createAuthRoutes } from './auth-routes.ts';
import { loadSupabaseSecrets, type SupabaseKeys } from './keys.ts';
import { createObjects } from './objects.ts';
import { createStorageRoutes } from './storage-routes.ts';
import { signAccessToken, type TokenRequest } from './tokens.ts';
import { openUsers } from './users.ts';

export interface SupabaseOptions {
  /** Keys, users and objects; made when it is missing, readable by its owner alone. */
  readonly dataDir: string;
  /** On loopback; a free one when absent. The issuer names it: tokens are valid as long as it stays. */
  readonly port?: number;
  /** People who can sign in; made when they are missing. */
  readonly users?: readonly { readonly email: string; readonly password: string }[];
  /** One line for each request that failed by our own fault. */
  readonly log?: (line: string) => void;
}

export interface SupabaseStandIn extends SupabaseKeys {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Signs an access token for anybody, with claims that may be wrong on purpose. For tests. */
  issueToken(request: TokenRequest): string;
  /** Ends all connections at once. */
  stop(): Promise<void>;
}

/**
 * Starts what Switchyard uses of Supabase on loopback: an ES256 issuer with its key set, sign-up, sign-in and the user
 * under `/auth/v1`, buckets, objects and signed urls under `/storage/v1`. Everything else is 404.
 */
export async function startSupabase(options: SupabaseOptions): Promise<SupabaseStandIn> {
  const dataDir = path.resolve(options.dataDir);
  const secrets = await loadSupabaseSecrets(dataDir);
  const users = await openUsers(dataDir);
  for (const user of options.users ?? []) {
    if ((await users.signIn(user.email, user.password)) === null) await users.create(user);
  }

  let url = '';
  const issuer = () => `${url}/auth/v1`;
  const app = new Hono();
  // Supabase lets every origin ask: what protects it is the token.
  app.use(cors({ origin: '*', allowHeaders: ['authorization', 'apikey', 'content-type', 'x-client-info'] }));
  app.route('/auth/v1', createAuthRoutes({ secrets, users, issuer }));
  app.route(
    '/storage/v1',
    createStorageRoutes({ secrets, objects: createObjects(path.join(dataDir, 'storage')) }),
  );
  app.notFound((c) => c.json({ message: 'The local Supabase stand-in does not have this route.' }, 404));
  app.onError((error, c) => {
    options.log?.(`supabase: ${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return c.json({ code: 500, message: 'Internal error of the local Supabase stand-in.' }, 500);
  });

  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.keepAliveTimeout = 120_000;
  // An upload may take its time.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${options.port} is in use: the Supabase stand-in cannot listen there.`, {
              cause: error,
            })
          : error,
      ),
    );
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    pid: process.pid,
    publishableKey: secrets.publishableKey,
    secretKey: secrets.secretKey,
    issueToken: (request) => signAccessToken(secrets, issuer(), request),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The keys of a data directory, made on first use: for a launcher that runs the stand-in as a child process. */
export async function readSupabaseKeys(dataDir: string): Promise<SupabaseKeys> {
  const { publishableKey, secretKey } = await loadSupabaseSecrets(path.resolve(dataDir));
  return { publishableKey, secretKey };
}
