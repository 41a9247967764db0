import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request of a client, as it came. */
export interface SeenRequest {
  readonly method: string;
  /** Ids and names in it as they are. */
  readonly path: string;
  /** Null unless it is JSON. */
  readonly body: Record<string, unknown> | null;
}

/** What becomes of one request. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: object;
    }
  /** Nothing is carried and nothing answered. */
  | { readonly kind: 'hang' }
  /** The line breaks before the service sees it. */
  | { readonly kind: 'cut' }
  /** The service does it, and its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The service works on it, and the line breaks meanwhile. */
  | { readonly kind: 'break-off' }
  /** The service sees it once this is done. */
  | { readonly kind: 'after'; readonly first: () => Promise<unknown> }
  /** The service's answer with these members in place of its own; `status` too. */
  | { readonly kind: 'change'; readonly members: Readonly<Record<string, unknown>> };

/** A service over the wire that has the faults it is told, in front of a real one. */
export interface FaultyService {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Asked for each request, the last one given first; null lets it pass. */
  onRequest(decide: (request: SeenRequest) => Fault | null): void;
  /** What has come by method and path, ids and names left out. */
  count(method: string, path: RegExp): number;
  /** Forgets faults and what was seen. */
  mend(): void;
  stop(): Promise<void>;
}

/** Gives the fault to the first `times` requests that fit. */
export function faultFor(
  method: string,
  path: RegExp,
  fault: Fault,
  times = Number.POSITIVE_INFINITY,
): (request: SeenRequest) => Fault | null {
  let left = times;
  return (seen) => {
    if (seen.method !== method || !path.test(seen.path) || left <= 0) return null;
    left -= 1;
    return fault;
  };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parseJson(incoming: IncomingMessage, body: Buffer): Record<string, unknown> | null {
  if (!incoming.headers['content-type']?.includes('json')) return null;
  return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
}

export async function startFaultyService(target: string): Promise<FaultyService> {
  const { port: targetPort, hostname } = new URL(target);
  const seen: SeenRequest[] = [];
  const deciders: ((request: SeenRequest) => Fault | null)[] = [];

  async function ask(incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    // The host as the client named it: the service tells its own address by it.
    const { method = 'GET', url, headers } = incoming;
    const outgoing = request({ host: hostname, port: targetPort, method, path: url, headers });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return answer;
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<void> {
    const answer = await ask(incoming, body);
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    const { pathname } = new URL(incoming.url ?? '/', 'http://service');
    const asked: SeenRequest = {
      method: incoming.method ?? 'GET',
      path: pathname,
      body: parseJson(incoming, body),
    };
    seen.push(asked);
    const fault = deciders.map((decide) => decide(asked)).find((decided) => decided !== null);
    switch (fault?.kind) {
      case undefined:
        return await pass(incoming, outgoing, body);
      case 'answer':
        outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
        outgoing.end(JSON.stringify(fault.body ?? { statusCode: fault.status, message: 'a fault' }));
        return undefined;
      case 'hang':
        return undefined;
      case 'cut':
        return void outgoing.destroy();
      case 'lose-answer':
        await readBody(await ask(incoming, body));
        return void outgoing.destroy();
      case 'break-off':
        outgoing.destroy();
        await readBody(await ask(incoming, body));
        return undefined;
      case 'after':
        await fault.first();
        return await pass(incoming, outgoing, body);
      case 'change': {
        const answer = await ask(incoming, body);
        const members = JSON.parse((await readBody(answer)).toString('utf8')) as object;
        outgoing.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' });
        outgoing.end(JSON.stringify({ ...members, ...fault.members }));
        return undefined;
      }
    }
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    onRequest: (decide) => void deciders.unshift(decide),
    count: (method, path) => seen.filter((asked) => asked.method === method && path.test(asked.path)).length,
    mend() {
      deciders.length = 0;
      seen.length = 0;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
