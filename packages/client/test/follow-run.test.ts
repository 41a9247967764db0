import type { Chunk } from '@switchyard/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { applyChunks, createClient, type FollowedEvent, SwitchyardError } from '../src/index.ts';
import {
  type Answer,
  cutAfter,
  endAfter,
  type FaultServer,
  refuse,
  startFaultServer,
  stayOpenAfter,
} from './fault-server.ts';
import { frameOf, framesAfter, runChunks } from './recorded-run.ts';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Answers from the request's cursor on, as the gateway does. */
const goOn: Answer = (response, request) =>
  endAfter(framesAfter({ after: request.lastEventId }))(response, request);

async function follow(answers: readonly Answer[], options: { after?: string; giveUpAfterMs?: number } = {}) {
  server = await startFaultServer(...answers);
  const client = createClient({ url: server.url, token: 'key' });
  const events: FollowedEvent[] = [];
  for await (const event of client.followRun('run-1', options)) events.push(event);
  return { events, chunks: events.map(({ chunk }) => chunk), requests: server.requests };
}

/** No answer at all. */
const drop: Answer = (response) => {
  response.destroy();
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe('a run that is followed', () => {
  test('is seen whole, event by event, and needs no [DONE]', async () => {
    const { events, requests } = await follow([stayOpenAfter(framesAfter().replace('data: [DONE]\n\n', ''))]);
    expect(events).toEqual(runChunks.map((chunk, index) => ({ epoch: 1, ordinal: index + 1, chunk })));
    expect(requests).toMatchObject([{ path: '/v1/runs/run-1/stream', token: 'key', lastEventId: null }]);
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
  });

  test.each([
    ['line feeds', '\n'],
    ['carriage returns and line feeds', '\r\n'],
  ])('loses and repeats nothing wherever it is cut, with %s', async (_, lineEnd) => {
    const whole = bytesOf(framesAfter({ lineEnd }));
    const isCut = new Set<string>();
    // The name of the run says after how many bytes its first connection is cut.
    server = await startFaultServer((response, request) => {
      const { path, lastEventId: after } = request;
      if (isCut.has(path)) return endAfter(framesAfter({ lineEnd, after }))(response, request);
      isCut.add(path);
      return cutAfter(whole.slice(0, Number(path.split('/')[3])))(response, request);
    });
    const client = createClient({ url: server.url, token: 'key' });
    async function followCut(cut: number): Promise<void> {
      const chunks: Chunk[] = [];
      for await (const { chunk } of client.followRun(String(cut))) chunks.push(chunk);
      expect(chunks, `cut after ${cut} bytes`).toEqual(runChunks);
    }
    const cuts = Array.from({ length: whole.length }, (_, cut) => cut);
    // Not all at once: a process has only so many sockets.
    while (cuts.length > 0) await Promise.all(cuts.splice(0, 100).map(followCut));
    expect(server.requests.length).toBeGreaterThan(whole.length * 1.9);
  });

  test('is seen whole through a server that sends one event and falls, again and again', async () => {
    const oneEvent: Answer = (response, request) => {
      const ordinal = Number(request.lastEventId?.split('-')[1] ?? 0) + 1;
      const chunk = runChunks[ordinal - 1]!;
      // The next frame is begun, as by a machine that is stopped while it writes.
      return cutAfter(`${frameOf(chunk, `1-${ordinal}`)}id: 1-${ordinal + 1}\ndata: {"ty`)(response, request);
    };
    const { chunks, requests } = await follow([oneEvent]);
    expect(chunks).toEqual(runChunks);
    expect(requests.map(({ lastEventId }) => lastEventId)).toEqual([
      null,
      ...runChunks.slice(1).map((_, index) => `1-${index + 1}`),
    ]);
  });

  test('does not end where a stream ends cleanly before the run does', async () => {
    const half = framesAfter().slice(0, framesAfter().indexOf('id: 1-9'));
    const { chunks, requests } = await follow([
      endAfter(half),
      endAfter(': hello\n\ndata: [DONE]\n\n'),
      goOn,
    ]);
    expect(chunks).toEqual(runChunks);
    expect(requests).toHaveLength(3);
  });

  test('shows no event twice to who is sent it twice', async () => {
    const { chunks } = await follow([
      cutAfter(framesAfter().slice(0, 400)),
      endAfter(framesAfter({ after: '1-1' })),
    ]);
    expect(chunks).toEqual(runChunks);
  });

  test('begins anew when the server does, and reads on from there', async () => {
    const snapshot = [
      frameOf({ type: 'start', messageId: 'message-1' }),
      frameOf({ type: 'start-step' }),
      frameOf({ type: 'text-start', id: 's' }),
    ].join('');
    const rest: Chunk[] = [
      { type: 'text-delta', id: 's', delta: 'From the store.' },
      { type: 'text-end', id: 's' },
      { type: 'finish-step' },
      { type: 'finish' },
    ];
    const { events, chunks, requests } = await follow([
      cutAfter(framesAfter().slice(0, framesAfter().indexOf('id: 1-6'))),
      // Cut within the snapshot: what was known of the place in the log is worth nothing now.
      cutAfter(snapshot),
      endAfter(snapshot + rest.map((chunk, index) => frameOf(chunk, `2-${index + 3}`)).join('')),
    ]);
    expect(requests.map(({ lastEventId }) => lastEventId)).toEqual([null, '1-5', null]);
    const begin = chunks.findLastIndex(({ type }) => type === 'start');
    expect(applyChunks(undefined, chunks.slice(begin)).parts).toEqual([
      { type: 'step-start' },
      { type: 'text', text: 'From the store.', state: 'done' },
    ]);
    expect(events.at(-1)).toMatchObject({ epoch: 2, ordinal: 6 });
  });

  test('survives a frame that is damaged', async () => {
    const damaged = `${framesAfter().slice(0, framesAfter().indexOf('id: 1-5'))}id: 1-5\ndata: {"type":\n\n`;
    const { chunks, requests } = await follow([stayOpenAfter(damaged), goOn]);
    expect(chunks).toEqual(runChunks);
    expect(requests[1]?.lastEventId).toBe('1-4');
  });

  test('survives what answers in the place of the server', async () => {
    const signIn: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome to our trains</h1>');
    };
    const { chunks } = await follow([signIn, refuse(502), drop, goOn]);
    expect(chunks).toEqual(runChunks);
  });

  test('ends at once for a cursor at its end, and only for a cursor', async () => {
    const nothing: Answer = (response) => {
      response.writeHead(204).end();
    };
    expect((await follow([nothing], { after: '1-18' })).chunks).toEqual([]);
    expect((await follow([nothing, goOn])).chunks).toEqual(runChunks);
  });

  test.each([
    ['abort', { type: 'abort', reason: 'cancelled' }],
    ['error', { type: 'error', errorText: 'The model did not answer.' }],
  ] as const)('ends after %s', async (_, chunk) => {
    const { chunks, requests } = await follow([
      endAfter(frameOf(runChunks[0]!, '1-1') + frameOf(chunk, '1-2')),
    ]);
    expect(chunks).toEqual([runChunks[0], chunk]);
    expect(requests).toHaveLength(1);
  });
});

describe('who follows a run', () => {
  test('waits as long as the server asks, and a little longer', async () => {
    const retry = framesAfter().replace('id: 1-6', 'retry: 300\n\nid: 1-6');
    const { chunks, requests } = await follow([
      cutAfter(retry.slice(0, retry.indexOf('id: 1-6'))),
      refuse(503, { headers: { 'retry-after': '1' } }),
      goOn,
    ]);
    expect(chunks).toEqual(runChunks);
    const [first, second, third] = requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(299);
    expect(third! - second!).toBeGreaterThanOrEqual(999);
  });

  test('gives up when no event comes for too long, with what the server said last', async () => {
    const refused = follow([refuse(503)], { giveUpAfterMs: 400 });
    await expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      status: 503,
      detail: 'A reason for people.',
    });
    expect(server!.requests.length).toBeGreaterThan(2);
    await expect(follow([refuse(503, { headers: { 'retry-after': '600' } })])).rejects.toMatchObject({
      retryAfterMs: 600_000,
    });
    await expect(follow([drop], { giveUpAfterMs: 300 })).rejects.toMatchObject({
      code: 'unreachable',
      status: 0,
    });
  });

  test('is told at once what no retry mends', async () => {
    await expect(follow([refuse(404, { code: 'not_found' })])).rejects.toMatchObject({ code: 'not_found' });
    await expect(follow([refuse(401, { code: 'unauthorized' })])).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(server!.requests).toHaveLength(1);
  });

  test('gets a new token when the server refuses the old one, once for each connection', async () => {
    server = await startFaultServer(
      refuse(401, { code: 'unauthorized' }),
      cutAfter(framesAfter().slice(0, framesAfter().indexOf('id: 1-6'))),
      refuse(401, { code: 'unauthorized' }),
      goOn,
    );
    const asked: (string | null)[] = [];
    const client = createClient({
      url: server.url,
      token: ({ refused }) => {
        asked.push(refused);
        return `token-${asked.length}`;
      },
    });
    const chunks = [];
    for await (const { chunk } of client.followRun('run-1')) chunks.push(chunk);
    expect(chunks).toEqual(runChunks);
    expect(asked).toEqual([null, 'token-1', null, 'token-3']);
    expect(server.requests.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3', 'token-4']);
  });

  test('does not ask for ever with tokens that are all refused, or with the same one', async () => {
    server = await startFaultServer(refuse(401, { code: 'unauthorized' }));
    let count = 0;
    const changing = createClient({ url: server.url, token: () => `token-${(count += 1)}` });
    await expect(changing.getRun('run-1')).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
    expect(server.requests).toHaveLength(2);
    const constant = createClient({ url: server.url, token: () => 'token' });
    await expect(constant.getRun('run-1')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(server.requests).toHaveLength(3);
  });

  test('may stop at any time, and leaves no connection', async () => {
    server = await startFaultServer(stayOpenAfter(framesAfter().slice(0, framesAfter().indexOf('id: 1-6'))));
    const client = createClient({ url: server.url, token: 'key' });
    const leaving = new AbortController();
    const seen: FollowedEvent[] = [];
    const following = (async () => {
      for await (const event of client.followRun('run-1', { signal: leaving.signal })) seen.push(event);
    })();
    await vi.waitFor(() => expect(seen).toHaveLength(5));
    leaving.abort(new Error('I am leaving.'));
    await expect(following).rejects.toThrow('I am leaving.');
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));

    for await (const { ordinal } of client.followRun('run-1')) if (ordinal === 3) break;
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
  });

  test.each([
    ['nothing answers', () => undefined, 'key'],
    ['a token is fetched', goOn, () => new Promise<string>(() => undefined)],
    ['the server asked for a pause', refuse(503, { headers: { 'retry-after': '60' } }), 'key'],
  ] as const)('may stop while %s', async (_, answer, token) => {
    server = await startFaultServer(answer);
    const client = createClient({ url: server.url, token });
    const events = client.followRun('run-1', { signal: AbortSignal.timeout(100) });
    const next = events[Symbol.asyncIterator]().next();
    await expect(next).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('may take his time: a reader who stands still is not given up', async () => {
    server = await startFaultServer(cutAfter(framesAfter().slice(0, framesAfter().indexOf('id: 1-4'))), goOn);
    const client = createClient({ url: server.url, token: 'key' });
    const seen: Chunk[] = [];
    for await (const { chunk } of client.followRun('run-1', { giveUpAfterMs: 250 })) {
      seen.push(chunk);
      if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect(seen).toEqual(runChunks);
  });

  test('gets the message as it grows, whole at every cut, and begun anew with the stream', async () => {
    const whole = applyChunks(undefined, runChunks);
    server = await startFaultServer(
      cutAfter(framesAfter().slice(0, framesAfter().indexOf('id: 1-11'))),
      // As if the server had lost the place: the same id, from the beginning.
      endAfter(framesAfter()),
    );
    const client = createClient({ url: server.url, token: 'key' });
    const messages = [];
    for await (const message of client.followMessage('run-1')) messages.push(message);
    expect(messages.at(-1)).toEqual(whole);
    expect(messages.length).toBeGreaterThan(1);
    expect(messages[0]?.parts.length).toBeLessThanOrEqual(whole.parts.length);
  });

  test('is told of an id that is none', async () => {
    const client = createClient({ url: 'http://127.0.0.1:1', token: 'key' });
    for (const id of ['', '.', '..']) {
      const next = client.followRun(id)[Symbol.asyncIterator]().next();
      await expect(next).rejects.toBeInstanceOf(SwitchyardError);
      await expect(client.cancel(id)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});
