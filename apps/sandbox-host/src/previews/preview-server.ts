import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Logger } from '@switchyard/process';
import { trackConnections } from '../close-server.ts';
import { readFinalStatus } from '../final-status.ts';
import { HostError } from '../host-error.ts';
import { neighbourHeaders } from '../neighbour-headers.ts';
import type { SandboxRegistry } from '../sandbox-views.ts';
import { openPort } from './open-port.ts';
import type { PreviewGrant, PreviewTokens } from './preview-token.ts';

/** Passes browsers on to the ports of sandboxes that they hold an address for. */
export interface PreviewServer {
  /** The address of a grant, for a browser. */
  urlOf(grant: PreviewGrant): string;
  close(): Promise<void>;
}

/** Of one sandbox; a page with its assets and sockets needs a dozen. */
const maxConnections = 128;
/** Before the system asks whether the other end of a quiet connection is still there. */
const keepAliveMs = 60_000;

/**
 * Starts it on a port of its own, so that no page of a sandbox ever shares an origin with an API. The first label of
 * the host name is the permission (see PreviewTokens); requests and WebSockets pass as they are.
 */
export async function startPreviewServer(options: {
  readonly host: string;
  readonly port: number;
  /** What browsers reach this port by, where a proxy stands before it; default `http://localhost:<port>`. */
  readonly publicUrl: string | null;
  readonly tokens: PreviewTokens;
  readonly registry: Pick<SandboxRegistry, 'enter'>;
  readonly logger: Logger;
}): Promise<PreviewServer> {
  const { tokens, registry, logger } = options;
  const connections = new Map<string, number>();

  /** Connects to the port that the request's host name grants; notes the sandbox's activity until it is closed. */
  async function enter(request: IncomingMessage, near: { readonly closed: boolean }): Promise<Socket> {
    const grant = tokens.read((request.headers.host ?? '').split('.')[0]?.toLowerCase() ?? '');
    if (!grant)
      throw new HostError(404, 'PREVIEW_OVER', 'This preview is over, or never was. Ask for a new one.');
    const { sandboxId, port } = grant;
    const count = connections.get(sandboxId) ?? 0;
    if (count >= maxConnections)
      throw new HostError(429, 'PREVIEW_BUSY', 'This preview has too many connections.');
    const visit = registry.enter(sandboxId);
    connections.set(sandboxId, count + 1);
    const leave = (): void => {
      const left = (connections.get(sandboxId) ?? 1) - 1;
      if (left === 0) connections.delete(sandboxId);
      else connections.set(sandboxId, left);
      visit.leave();
    };
    try {
      const far = await openPort(visit.namespace, port);
      far.once('close', leave);
      // A browser that went away meanwhile is not announced again.
      if (near.closed) far.destroy();
      return far;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const socket = await enter(request, response);
    const onward = httpRequest({
      createConnection: () => socket,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: headersOf(request, neighbourHeaders),
      setHost: false,
    });
    const fail = (): void => {
      socket.destroy();
      refuse(response, new HostError(502, 'PORT_NOT_OPEN', 'The program behind this preview broke off.'));
    };
    onward.on('response', (answer) => {
      // Whatever is thrown in a listener ends this process, and a guest wrote what is read here.
      try {
        const status = readFinalStatus(answer);
        // The address is the permission: it stays out of what a page tells others.
        response.setHeader('referrer-policy', 'no-referrer');
        response.writeHead(status, headersOf(answer, neighbourHeaders));
        pipeline(answer, response, () => socket.destroy());
      } catch {
        fail();
      }
    });
    onward.on('error', fail);
    // An upgrade that nobody asked for ends the connection without a word.
    onward.on('close', () => {
      if (!response.headersSent) fail();
    });
    response.on('close', () => socket.destroy());
    pipeline(request, onward, () => undefined);
  }

  /** A WebSocket, or whatever both ends agree on: bytes from then on. */
  async function upgrade(request: IncomingMessage, near: Duplex, head: Buffer): Promise<void> {
    const far = await enter(request, near);
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (const [name, values] of Object.entries(headersOf(request, new Set())))
      for (const value of values) lines.push(`${name}: ${value}`);
    far.write(`${lines.join('\r\n')}\r\n\r\n`);
    far.write(head);
    pipeline(near, far, () => near.destroy());
    pipeline(far, near, () => far.destroy());
  }

  function explain(error: unknown): HostError {
    if (error instanceof HostError) return error;
    logger.error({ error }, 'preview failed');
    return new HostError(502, 'PREVIEW_FAILED', 'The preview failed.');
  }

  // A browser that vanished without a word must not keep a sandbox running for ever.
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  const server = createServer(keepAlive, (request, response) => {
    pass(request, response).catch((error: unknown) => refuse(response, explain(error)));
  });
  const closeServer = trackConnections(server);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    upgrade(request, socket, head).catch((error: unknown) => {
      const { status, message } = explain(error);
      socket.end(
        `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${message}\n`,
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const publicUrl = new URL(options.publicUrl ?? `http://localhost:${port}`);

  return {
    urlOf: (grant) => `${publicUrl.protocol}//${tokens.labelOf(grant)}.${publicUrl.host}/`,
    close: closeServer,
  };
}

/** Its headers by name, in the order and number in which they came. */
function headersOf(message: IncomingMessage, without: ReadonlySet<string>): Record<string, string[]> {
  const named = message.headers.connection?.toLowerCase().split(/\s*,\s*/) ?? [];
  return Object.fromEntries(
    Object.entries(message.headersDistinct).flatMap(([name, values]) =>
      values === undefined || without.has(name) || (without.size > 0 && named.includes(name))
        ? []
        : [[name, values]],
    ),
  );
}

/** For people: a preview is opened in a browser. */
function refuse(response: ServerResponse, { status, message }: HostError): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${message}\n`);
}
