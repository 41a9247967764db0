import type { Chunk, SwitchyardMessage } from '@switchyard/protocol';
import type { UIMessageChunk } from 'ai';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ChatTransportOptions, SwitchyardChatTransport, SwitchyardError } from '../src/index.ts';
import {
  type Answer,
  answerJson,
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

async function transportTo(
  answers: readonly Answer[],
  options: Partial<ChatTransportOptions> = {},
): Promise<SwitchyardChatTransport> {
  server = await startFaultServer(...answers);
  return new SwitchyardChatTransport({ url: server.url, token: 'key', ...options });
}

const user = (id: string): SwitchyardMessage => ({
  id,
  role: 'user',
  parts: [{ type: 'text', text: `I am ${id}.` }],
});
const sent = {
  chatId: 'chat-1',
  trigger: 'submit-message',
  messageId: undefined,
  messages: [user('u1'), user('u2')],
  abortSignal: undefined,
} as const satisfies Readonly<Record<string, unknown>>;
type Sent = Parameters<SwitchyardChatTransport['sendMessages']>[0];
const asked = (more: Partial<Sent> = {}): Sent => ({ ...sent, messages: [...sent.messages], ...more });

async function read(stream: ReadableStream<UIMessageChunk> | null): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Chunk);
  return chunks;
}

/** Reads until a chunk of this type and leaves the stream open. */
async function readUntil(reader: ReadableStreamDefaultReader<UIMessageChunk>, type: string): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The stream ended before ${type}.`);
    if (value.type === type) return;
  }
}

const halfOf = (text: string) => text.slice(0, text.indexOf('id: 1-9'));
const goOn: Answer = (response, request) =>
  endAfter(framesAfter({ after: request.lastEventId }))(response, request);
const drop: Answer = (response) => {
  response.destroy();
};
const stopped = answerJson({ run: { id: 'run-1' }, cancel: { acceptedAt: 'now' } }, 202);

describe('a message that is sent', () => {
  test('goes out alone, with what the options add, and its stream is the run’s', async () => {
    const transport = await transportTo([goOn], {
      headers: { 'x-app': 'mine', 'x-both': 'app' },
      body: async () => await Promise.resolve({ model: 'scripted:default', onBusy: 'reject' as const }),
    });
    const more = { headers: { 'x-both': 'message' }, body: { onBusy: 'queue', projectId: 'p1' } };
    expect(await read(await transport.sendMessages(asked(more)))).toEqual(runChunks);
    const [request] = server!.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat', token: 'key' });
    expect(request?.headers).toMatchObject({ 'x-app': 'mine', 'x-both': 'message' });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id: 'chat-1',
      messages: [user('u2')],
      trigger: 'submit-message',
      model: 'scripted:default',
      onBusy: 'queue',
      projectId: 'p1',
    });
  });

  test('is the assistant’s when that answers an approval, also an earlier one', async () => {
    const answer: SwitchyardMessage = { id: 'a1', role: 'assistant', parts: [{ type: 'step-start' }] };
    const transport = await transportTo([goOn]);
    const messages = [user('u1'), answer, user('u2')];
    await read(await transport.sendMessages(asked({ messages, messageId: 'a1' })));
    expect(JSON.parse(server!.requests[0]!.body)).toMatchObject({ messageId: 'a1', messages: [answer] });
  });

  test('is sent again when the line broke before an answer, and a new answer to no particular one is not', async () => {
    const transport = await transportTo([drop, refuse(503, { headers: { 'retry-after': '0' } }), goOn]);
    expect(await read(await transport.sendMessages(asked()))).toEqual(runChunks);
    expect(server!.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array.from({ length: 3 }, () => 'POST /v1/chat'),
    );
    expect(new Set(server!.requests.map(({ body }) => body)).size).toBe(1);
    await server!.stop();
    const unlucky = await transportTo([drop, goOn]);
    await expect(unlucky.sendMessages(asked({ trigger: 'regenerate-message' }))).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(server!.requests).toHaveLength(1);
  });

  test.each([
    [409, 'run_active'],
    [429, 'rate_limited'],
    [400, 'invalid_request'],
    [500, 'internal'],
  ])('that is refused with %i is told so at once', async (status, code) => {
    const transport = await transportTo([refuse(status, { code, headers: { 'retry-after': '7' } })]);
    const refused = transport.sendMessages(asked());
    await expect(refused).rejects.toBeInstanceOf(SwitchyardError);
    await expect(refused).rejects.toMatchObject({
      code,
      status,
      detail: 'A reason for people.',
      retryAfterMs: 7000,
    });
    expect(server!.requests).toHaveLength(1);
  });

  test('to something else than a gateway is told so', async () => {
    const transport = await transportTo([
      (response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome to our trains</h1>');
      },
    ]);
    await expect(transport.sendMessages(asked())).rejects.toMatchObject({ code: 'unreachable' });
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
  });
});

describe('a chat’s stream that breaks', () => {
  test('goes on by cursor at the run’s stream, up to where the run waits, with the chat’s headers', async () => {
    const transport = await transportTo([
      cutAfter(`${halfOf(framesAfter())}id: 1-9\ndata: {"ty`),
      drop,
      goOn,
    ]);
    const stream = await transport.sendMessages(asked({ headers: { 'x-app': 'mine' } }));
    expect(await read(stream)).toEqual(runChunks);
    const [, , rejoined] = server!.requests;
    expect(rejoined).toMatchObject({
      method: 'GET',
      path: '/v1/runs/run-1/stream?until=wait',
      lastEventId: '1-8',
      token: 'key',
    });
    expect(rejoined?.headers).toMatchObject({ 'x-app': 'mine' });
    expect(rejoined?.headers).not.toHaveProperty('content-type');
  });

  test('comes back when a gateway that drains asks it to', async () => {
    const transport = await transportTo([cutAfter(`${halfOf(framesAfter())}retry: 300\n\n`), goOn]);
    expect(await read(await transport.sendMessages(asked()))).toEqual(runChunks);
    const [first, second] = server!.requests.map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(299);
  });

  test('ends where the run waits for a person', async () => {
    const finish: Chunk = { type: 'finish', finishReason: 'tool-calls' };
    const transport = await transportTo([
      cutAfter(halfOf(framesAfter())),
      endAfter(`${frameOf(runChunks[8]!, '1-9')}${frameOf(finish)}data: [DONE]\n\n`),
    ]);
    const chunks = await read(await transport.sendMessages(asked()));
    expect(chunks).toEqual([...runChunks.slice(0, 9), finish]);
    expect(server!.requests).toHaveLength(2);
  });

  test('asks for a token before each connection, and once more for one that is refused', async () => {
    const tokens: (string | null)[] = [];
    const transport = await transportTo(
      [cutAfter(halfOf(framesAfter())), refuse(401, { code: 'unauthorized' }), goOn],
      {
        token: ({ refused }) => {
          tokens.push(refused);
          return `token-${tokens.length}`;
        },
      },
    );
    expect(await read(await transport.sendMessages(asked()))).toEqual(runChunks);
    expect(tokens).toEqual([null, null, 'token-2']);
    expect(server!.requests.map(({ token }) => token)).toEqual(['token-1', 'token-2', 'token-3']);
  });

  test('fails with what the server said when no attempt mends it', async () => {
    const transport = await transportTo([
      cutAfter(halfOf(framesAfter())),
      refuse(404, { code: 'not_found' }),
    ]);
    const stream = await transport.sendMessages(asked());
    await expect(read(stream)).rejects.toMatchObject({ code: 'not_found' });
    await server!.stop();
    const patient = await transportTo([cutAfter(halfOf(framesAfter())), refuse(503)], { giveUpAfterMs: 300 });
    const cut = await patient.sendMessages(asked());
    await expect(read(cut)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a chat that resumes', () => {
  test('gets the thread’s run from its beginning, and rejoins it', async () => {
    const transport = await transportTo([cutAfter(halfOf(framesAfter())), goOn]);
    expect(await read(await transport.reconnectToStream({ chatId: 'chat 1' }))).toEqual(runChunks);
    expect(server!.requests.map(({ path }) => path)).toEqual([
      '/v1/chat/chat%201/stream',
      '/v1/runs/run-1/stream?until=wait',
    ]);
    expect(transport.resumeStreamIsReplay).toBe(true);
  });

  test('gets nothing where nothing goes on', async () => {
    const transport = await transportTo([
      (response) => {
        response.writeHead(204).end();
      },
    ]);
    expect(await transport.reconnectToStream({ chatId: 'chat-1' })).toBeNull();
    await expect(transport.reconnectToStream({ chatId: '..' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('who stops a chat', () => {
  const open = stayOpenAfter(halfOf(framesAfter()));

  test.each([
    ['an abort', (_: unknown, leaving: AbortController) => leaving.abort()],
    ['closing the stream', (reader: ReadableStreamDefaultReader<UIMessageChunk>) => void reader.cancel()],
  ])('only leaves the run by %s', async (_, leave) => {
    const transport = await transportTo([open]);
    const leaving = new AbortController();
    const stream = await transport.sendMessages(asked({ abortSignal: leaving.signal }));
    const reader = stream.getReader();
    await readUntil(reader, 'text-delta');
    leave(reader, leaving);
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
    expect(server!.requests).toHaveLength(1);
  });

  test('stops the thread’s run when it says so', async () => {
    const transport = await transportTo([stopped]);
    expect(await transport.stop('chat-1')).toMatchObject({ cancel: { acceptedAt: 'now' } });
    expect(server!.requests).toMatchObject([{ method: 'POST', path: '/v1/chat/chat-1/stop', token: 'key' }]);
  });

  test('stops the very run by an abort where that was chosen, and by nothing else', async () => {
    const transport = await transportTo([open, drop, stopped, open], { abortStopsRun: true });
    const stopping = new AbortController();
    const stream = await transport.sendMessages(asked({ abortSignal: stopping.signal }));
    const reader = stream.getReader();
    await readUntil(reader, 'text-delta');
    stopping.abort();
    await reader.cancel();
    expect(server!.requests.slice(1)).toMatchObject([
      { method: 'POST', path: '/v1/runs/run-1/cancel' },
      { method: 'POST', path: '/v1/runs/run-1/cancel' },
    ]);
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
    const left = await transport.sendMessages(asked({ abortSignal: new AbortController().signal }));
    await left.cancel();
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
    expect(server!.requests).toHaveLength(4);
  });

  test('stops a run whose answer has not begun, where an abort stops', async () => {
    const begun = Promise.withResolvers<void>();
    const late: Answer = async (response, request) => {
      await begun.promise;
      await open(response, request);
    };
    const transport = await transportTo([late, stopped], { abortStopsRun: true });
    const stopping = new AbortController();
    const sending = transport.sendMessages(asked({ abortSignal: stopping.signal }));
    await vi.waitFor(() => expect(server?.requests).toHaveLength(1));
    stopping.abort();
    begun.resolve();
    const reader = (await sending).getReader();
    await expect(readUntil(reader, 'finish')).rejects.toMatchObject({ name: 'AbortError' });
    expect(server!.requests.map(({ path }) => path)).toEqual(['/v1/chat', '/v1/runs/run-1/cancel']);
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
  });

  test('leaves at once while nothing answers', async () => {
    const transport = await transportTo([() => undefined]);
    const abortSignal = AbortSignal.timeout(100);
    await expect(transport.sendMessages(asked({ abortSignal }))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await vi.waitFor(() => expect(server?.openCount()).toBe(0));
  });
});
