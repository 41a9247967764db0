import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly token: string | null;
  readonly lastEventId: string | null;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** When it came, by `performance.now`. */
  readonly at: number;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

/** A real HTTP server that answers the n-th request with the n-th answer, and the rest with the last. */
export interface FaultServer {
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Connections that are open: a client that went away leaves none. */
  readonly openCount: () => number;
  readonly stop: () => Promise<void>;
}

export async function startFaultServer(...answers: readonly Answer[]): Promise<FaultServer> {
  const requests: SeenRequest[] = [];
  let open = 0;
  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    open += 1;
    response.on('close', () => (open -= 1));
    const at = performance.now();
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece as Buffer);
    const { method = '', url = '', headers } = incoming;
    const request: SeenRequest = {
      method,
      path: url,
      token: headers.authorization?.replace('Bearer ', '') ?? null,
      lastEventId: (headers['last-event-id'] as string | undefined) ?? null,
      headers,
      body: Buffer.concat(pieces).toString(),
      at,
    };
    requests.push(request);
    await answers[Math.min(requests.length, answers.length) - 1]?.(response, request);
  }
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    openCount: () => open,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const streamHeaders = { 'content-type': 'text/event-stream', 'x-run-id': 'run-1' };

/** Bytes of a stream, and then the connection is destroyed. */
export function cutAfter(bytes: string | Uint8Array): Answer {
  return async (response) => {
    response.writeHead(200, streamHeaders).flushHeaders();
    await new Promise<unknown>((resolve) => {
      if (bytes.length > 0) response.write(bytes, resolve);
      else setImmediate(resolve);
    });
    response.destroy();
  };
}

/** A stream that ends as HTTP streams end, whether or not the run has. */
export function endAfter(bytes: string | Uint8Array): Answer {
  return (response) => {
    response.writeHead(200, streamHeaders).end(bytes);
  };
}

/** A stream that stays open. */
export function stayOpenAfter(bytes: string): Answer {
  return (response) => {
    response.writeHead(200, streamHeaders).write(bytes);
  };
}

export function refuse(
  status: number,
  {
    code = 'unavailable',
    headers = {},
  }: { readonly code?: string; readonly headers?: Record<string, string> } = {},
): Answer {
  return (response) => {
    response
      .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
      .end(JSON.stringify({ type: 'about:blank', title: 't', status, code, detail: 'A reason for people.' }));
  };
}

export function answerJson(body: unknown, status = 200): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}
