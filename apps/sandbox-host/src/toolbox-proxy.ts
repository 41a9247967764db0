import { type IncomingMessage, request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { HostError } from './host-error.ts';
import type { Namespace } from './namespace.ts';

/** The init has ended: without it the sandbox is of no use, whatever else still runs in it. */
export class InitGoneError extends Error {}

/** Nobody listens at the socket any more. */
const isRefused = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNREFUSED';

/** Passed on to the init; everything else, the key above all, stays here. */
const forwardedHeaders = ['content-type', 'content-length', 'transfer-encoding'];

/**
 * Hands a request to the sandbox's init and its answer back, unread: what comes from inside is parsed by nobody but
 * the client, and what goes in is parsed only behind the wall.
 */
export function forwardToInit(
  namespace: Namespace,
  path: string,
  incoming: IncomingMessage,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(
      forwardedHeaders.flatMap((name) => (incoming.headers[name] ? [[name, incoming.headers[name]]] : [])),
    );
    const outgoing = httpRequest(
      {
        agent: namespace.agent,
        socketPath: namespace.socketPath,
        method: incoming.method ?? 'GET',
        path,
        headers,
      },
      (answer) => {
        const responseHeaders = {
          'content-type': answer.headers['content-type'] ?? 'application/octet-stream',
        };
        const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
        resolve(new Response(body, { status: answer.statusCode ?? 502, headers: responseHeaders }));
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        isRefused(error) || !namespace.isAlive()
          ? new InitGoneError()
          : new HostError(502, 'SANDBOX_NOT_ANSWERING', 'The sandbox did not answer.'),
      );
    });
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
}

/**
 * Tells the init that its host is there; it takes its own life when nobody has asked for two minutes.
 * False when the init has ended; one that is only slow is there.
 */
export function pingInit(namespace: Namespace, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = httpRequest(
      { agent: namespace.agent, socketPath: namespace.socketPath, path: '/ping', timeout: timeoutMs },
      (answer) => {
        answer.resume();
        answer.on('close', () => resolve(true));
      },
    );
    ping.on('timeout', () => ping.destroy());
    ping.on('error', (error: NodeJS.ErrnoException) => resolve(!isRefused(error)));
    ping.end();
  });
}
