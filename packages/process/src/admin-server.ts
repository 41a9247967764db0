import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withDeadline } from './deadline.ts';

/** What the process needs, by name: `ok`, or in a few words what is wrong. */
export type Readiness = Readonly<Record<string, string>>;

/** The private HTTP server of a process. */
export interface AdminServer {
  readonly url: string;
  close(): Promise<void>;
}

/** An orchestrator's own probe rarely waits longer than this (guess). */
const answerTimeoutMs = 3000;

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

/**
 * Serves `/livez` (always 200), `/readyz` (200 when every member of `readiness` is `ok`, else 503) and `/status`
 * (whatever `status` gives). It has no authentication and so binds loopback unless told otherwise; port 0 asks the
 * system for a free one.
 */
export async function startAdminServer({
  port,
  host = '127.0.0.1',
  readiness,
  status,
}: {
  readonly port: number;
  readonly host?: string;
  readonly readiness: () => Promise<Readiness>;
  readonly status: () => Promise<object>;
}): Promise<AdminServer> {
  async function respond(path: string, response: ServerResponse): Promise<void> {
    if (path === '/livez') return answer(response, 200, { status: 'ok' });
    if (path === '/readyz') {
      const checks = await withDeadline(readiness(), {
        timeoutMs: answerTimeoutMs,
        what: 'The readiness check',
      });
      const isReady = Object.values(checks).every((state) => state === 'ok');
      return answer(response, isReady ? 200 : 503, { status: isReady ? 'ok' : 'not-ready', checks });
    }
    if (path === '/status') {
      return answer(
        response,
        200,
        await withDeadline(status(), { timeoutMs: answerTimeoutMs, what: 'The status' }),
      );
    }
    return answer(response, 404, { status: 'not-found' });
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/\?.*$/, '');
    respond(path, response).catch((error: unknown) => {
      answer(response, 503, {
        status: 'not-ready',
        detail: error instanceof Error ? error.message : String(error),
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${authority}:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
