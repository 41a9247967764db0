import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Logger } from '@switchyard/process';
import { type EgressRules, findWay, NoWayError } from './find-way.ts';
import { parseAuthority, parseRequestUrl } from './policy.ts';
import { readFinalStatus } from '../final-status.ts';
import { neighbourHeaders } from '../neighbour-headers.ts';

/** More than a browser or a package manager opens at once. */
const maxConnections = 256;
/** Silence after which a tunnel is taken for dead. */
const idleMs = 10 * 60_000;

/**
 * An HTTP proxy for one sandbox: CONNECT, and plain requests with an absolute URL. Whatever is asked for goes through
 * `findWay`, each request anew, so that a redirect is checked like everything else.
 */
export function createEgressProxy(rules: EgressRules, logger: Logger): Server {
  const server = createServer((request, response) => {
    forward(request, response, rules).catch((error: unknown) => {
      const { status, message } = explain(error, request, logger);
      if (response.headersSent) response.destroy();
      else response.writeHead(status, { 'content-type': 'text/plain' }).end(`${message}\n`);
    });
  });
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => undefined);
    openTunnel({ request, client, head, rules }).catch((error: unknown) => {
      const { status, message } = explain(error, request, logger);
      client.end(
        `HTTP/1.1 ${status} ${message}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${message}\n`,
      );
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.maxConnections = maxConnections;
  return server;
}

function explain(
  error: unknown,
  { method, url }: IncomingMessage,
  logger: Logger,
): { readonly status: number; readonly message: string } {
  if (error instanceof NoWayError) {
    logger.debug({ method, target: url?.slice(0, 200), status: error.status }, 'egress refused');
    return error;
  }
  logger.debug({ error }, 'egress failed');
  return { status: 502, message: 'The connection was lost.' };
}

async function openTunnel({
  request,
  client,
  head,
  rules,
}: {
  readonly request: IncomingMessage;
  readonly client: Socket;
  readonly head: Buffer;
  readonly rules: EgressRules;
}): Promise<void> {
  const target = parseAuthority(request.url ?? '');
  if (!target) throw new NoWayError(403, 'CONNECT needs a host and a port.');
  const remote = await findWay(target, rules);
  if (client.destroyed) {
    remote.destroy();
    return;
  }
  for (const socket of [client, remote]) socket.setTimeout(idleMs, () => socket.destroy());
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (head.length > 0) remote.write(head);
  // Each direction ends by itself: one side may have said everything before it has heard anything.
  pipeline(client, remote, () => undefined);
  pipeline(remote, client, () => undefined);
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  rules: EgressRules,
): Promise<void> {
  const parsed = parseRequestUrl(request.url ?? '');
  if (!parsed) throw new NoWayError(403, 'A proxy takes absolute http:// URLs, and CONNECT for all others.');
  const { target, url } = parsed;
  const socket = await findWay(target, rules);
  if (response.closed) {
    socket.destroy();
    return;
  }
  const named = (request.headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !neighbourHeaders.has(name) && !named.includes(name)),
  );
  await new Promise<void>((resolve, reject) => {
    const onward = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: url.pathname + url.search,
      // Not what the guest says: what was checked.
      headers: {
        ...headers,
        ...(request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
        host: url.host,
        connection: 'close',
      },
      timeout: idleMs,
    });
    onward.on('timeout', () => onward.destroy(new Error('The answer took too long.')));
    onward.on('error', reject);
    onward.on('response', (answer) => {
      // Whatever is thrown in a listener ends this process, and a stranger wrote what is read here.
      try {
        const answerHeaders = Object.fromEntries(
          Object.entries(answer.headers).filter(([name]) => !neighbourHeaders.has(name)),
        );
        response.writeHead(readFinalStatus(answer), answerHeaders);
        pipeline(answer, response, () => resolve());
      } catch (error) {
        onward.destroy();
        reject(error);
      }
    });
    // An upgrade that nobody asked for ends the connection without a word. Behind an answer this comes when all of it
    // has arrived, which is before all of it is passed on.
    onward.on('close', () => {
      if (!response.headersSent) reject(new Error('There was no answer.'));
    });
    response.on('close', () => onward.destroy());
    pipeline(request, onward, () => undefined);
  });
}
