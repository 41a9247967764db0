import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient, type FollowedEvent, SwitchyardError } from '../src/index.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A gateway played by hand: one handler a request, the last one for all that follow. */
async function serve(
  ...handlers: ((request: IncomingMessage, response: ServerResponse) => void)[]
): Promise<string> {
  let count = 0;
  server = createServer((request, response) => {
    handlers[Math.min(count, handlers.length - 1)]?.(request, response);
    count += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const delta = (text: string) => JSON.stringify({ type: 'text-delta', id: 't', delta: text });
function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text);
}
function refuse(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(body);
}
async function follow(
  url: string,
  options: Parameters<ReturnType<typeof createClient>['followRun']>[1] = {},
) {
  const events: FollowedEvent[] = [];
  for await (const event of createClient({ url, token: 'token' }).followRun('run', options))
    events.push(event);
  return events;
}

describe('followRun', () => {
  test('comes back after the last whole event, however the connection ended, and ends with the last chunk', async () => {
    const cursors: (string | undefined)[] = [];
    const note = (request: IncomingMessage) =>
      cursors.push(request.headers['last-event-id'] as string | undefined);
    const url = await serve(
      (request, response) => {
        note(request);
        stream(response, `retry: 1\n\nid: 1-1\ndata: ${delta('a')}\n\nid: 1-2\ndata: {"type":"text-d`);
        setImmediate(() => response.destroy());
      },
      (request, response) => {
        note(request);
        refuse(response, 503, 'gone fishing', { 'retry-after': '0' });
      },
      (request, response) => {
        note(request);
        // A clean end of an unfinished stream is no end.
        stream(response, `retry: 1\n\nid: 1-2\ndata: ${delta('b')}\n\n`);
        response.end();
      },
      (request, response) => {
        note(request);
        stream(response, `id: 2-3\ndata: {"type":"finish"}\n\ndata: [DONE]\n\n`);
      },
    );
    const events = await follow(url);
    expect(events.map(({ epoch, ordinal }) => `${epoch}-${ordinal}`)).toEqual(['1-1', '1-2', '2-3']);
    expect(cursors).toEqual([undefined, '1-1', '1-1', '1-2']);
  });

  test('ends at 204 and after a last chunk whose [DONE] was lost', async () => {
    const url = await serve(
      (_request, response) => {
        stream(response, `id: 1-1\ndata: {"type":"abort"}\n\n`);
        setImmediate(() => response.destroy());
      },
      (_request, response) => response.writeHead(204).end(),
    );
    expect(await follow(url)).toHaveLength(1);
    expect(await follow(url, { after: '1-1' })).toEqual([]);
  });

  test('gives chunks without an id, and does not take them for a cursor', async () => {
    let cursor: string | undefined;
    const url = await serve(
      (_request, response) => {
        stream(response, `retry: 1\n\ndata: {"type":"start"}\n\ndata: ${delta('a')}\n\n`);
        setImmediate(() => response.destroy());
      },
      (request, response) => {
        cursor = request.headers['last-event-id'] as string | undefined;
        stream(response, `data: {"type":"start"}\n\nid: 1-9\ndata: {"type":"finish"}\n\ndata: [DONE]\n\n`);
      },
    );
    const events = await follow(url);
    expect(cursor).toBeUndefined();
    expect(events.at(-1)).toEqual({ epoch: 1, ordinal: 9, chunk: { type: 'finish' } });
    expect(events.at(-2)).toEqual({ epoch: null, ordinal: null, chunk: { type: 'start' } });
  });

  test('asks for a token before every connection', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve(
      (request, response) => {
        seen.push(request.headers.authorization);
        stream(response, 'retry: 1\n\n');
        setImmediate(() => response.destroy());
      },
      (request, response) => {
        seen.push(request.headers.authorization);
        stream(response, `id: 1-1\ndata: {"type":"finish"}\n\n`);
      },
    );
    let count = 0;
    const client = createClient({ url, token: async () => `token-${(count += 1)}` });
    for await (const event of client.followRun('run')) expect(event.chunk.type).toBe('finish');
    expect(seen).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('throws what a retry does not mend, at once', async () => {
    const problem = { type: 'x', title: 'x', status: 404, code: 'not_found', detail: 'No such run.' };
    const url = await serve((_request, response) => refuse(response, 404, JSON.stringify(problem)));
    await expect(follow(url)).rejects.toMatchObject({
      code: 'not_found',
      status: 404,
      detail: 'No such run.',
    });
  });

  test('gives up when no server answers for as long as it was told', async () => {
    const url = await serve((_request, response) => response.destroy());
    await expect(follow(url, { giveUpAfterMs: 300 })).rejects.toMatchObject({
      code: 'unreachable',
      status: 0,
    });
  });

  test('stops with the reason of its signal, while it reads and while it waits', async () => {
    const reason = new Error('The reader has gone.');
    const reading = await serve((_request, response) => stream(response, ':\n\n'));
    await expect(follow(reading, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await expect(follow(reading, { signal: controller.signal })).rejects.toBe(reason);
    server.closeAllConnections();
    server.close();
    const waiting = await serve((_request, response) => refuse(response, 503, '', { 'retry-after': '30' }));
    const other = new AbortController();
    setTimeout(() => other.abort(reason), 50);
    await expect(follow(waiting, { signal: other.signal })).rejects.toBe(reason);
  });
});

describe('SwitchyardError', () => {
  test('tells what a proxy answered instead of the API', async () => {
    const url = await serve((_request, response) => refuse(response, 502, '<html>Bad gateway</html>'));
    const error = await createClient({ url, token: 'x' })
      .getRun('run')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SwitchyardError);
    expect(error).toMatchObject({ code: 'unavailable', status: 502 });
  });

  test('carries the time to wait and the faults', async () => {
    const problem = {
      code: 'rate_limited',
      detail: 'Slowly.',
      errors: [{ pointer: '/input', detail: 'Empty.' }],
    };
    const url = await serve((_request, response) =>
      refuse(response, 429, JSON.stringify(problem), { 'retry-after': '7' }),
    );
    const error = await createClient({ url, token: 'x' })
      .cancel('run')
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'rate_limited', retryAfterMs: 7000, errors: problem.errors });
  });
});
