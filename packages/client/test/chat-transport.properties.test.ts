import { isDeepStrictEqual } from 'node:util';
import type { Chunk, SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream, type UIMessageChunk } from 'ai';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SwitchyardChatTransport } from '../src/index.ts';
import { frameOf } from './recorded-run.ts';
import { connectionPlans, serveTroubledRun, troubledRun } from './troubled-run.ts';

/** What the AI SDK's reader makes of a stream, and the chunks that it was given. */
async function read(stream: ReadableStream<UIMessageChunk>, message?: SwitchyardMessage) {
  const chunks: Chunk[] = [];
  const seen = stream.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      transform(chunk, controller) {
        chunks.push(chunk as Chunk);
        controller.enqueue(chunk);
      },
    }),
  );
  let last: SwitchyardMessage | undefined;
  for await (const state of readUIMessageStream<SwitchyardMessage>({
    stream: seen,
    ...(message ? { message: structuredClone(message) } : {}),
    terminateOnError: true,
  })) {
    last = state;
  }
  return { chunks, message: JSON.parse(JSON.stringify(last)) as SwitchyardMessage };
}

function streamOf(chunks: readonly Chunk[]): ReadableStream<UIMessageChunk> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

const user: SwitchyardMessage = { id: 'user-1', role: 'user', parts: [{ type: 'text', text: 'Go.' }] };

/** A transport whose server is `connect`. */
function transportTo(
  connect: (cursor: string | null, isFirst: boolean) => Response,
): SwitchyardChatTransport {
  let isFirst = true;
  return new SwitchyardChatTransport({
    url: 'http://gateway',
    token: 'key',
    fetch: async (_url, init) => {
      const response = connect(new Headers(init?.headers).get('last-event-id'), isFirst);
      isFirst = false;
      return await Promise.resolve(response);
    },
  });
}

const sent = { chatId: 'chat-1', trigger: 'submit-message', abortSignal: undefined } as const;

test('whatever is cut and lost, the reader ends with the message of an undisturbed run', async () => {
  await fc.assert(
    fc.asyncProperty(troubledRun, connectionPlans, async (run, plans) => {
      const server = serveTroubledRun(run, plans);
      const transport = transportTo((cursor) => server.connect(cursor));
      const stream = await transport.sendMessages({ ...sent, messages: [user], messageId: undefined });
      const { chunks, message } = await read(stream);
      const whole = await read(streamOf(run.chunks));
      expect(message).toEqual(whole.message);
      expect(chunks.filter(({ type }) => type === 'start')).toHaveLength(1);
      expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1);
      // A step is begun once, however often it is done.
      expect(chunks.filter(({ type }) => type === 'start-step')).toEqual(
        run.chunks.filter(({ type }) => type === 'start-step'),
      );
    }),
    { numRuns: 250 },
  );
});

test('a log that nothing happens to brings every chunk once, wherever it is cut', async () => {
  const untroubled = troubledRun.filter(({ acts }) => acts.every(({ kind }) => kind === 'append'));
  await fc.assert(
    fc.asyncProperty(untroubled, connectionPlans, async (run, plans) => {
      const server = serveTroubledRun(run, plans);
      const transport = transportTo((cursor) => server.connect(cursor));
      const stream = await transport.sendMessages({ ...sent, messages: [user], messageId: undefined });
      const { chunks } = await read(stream);
      // Only a cut in the very first frames, which have no cursor yet, makes the server begin again.
      expect(chunks.filter(({ type }) => type !== 'reset-step')).toEqual(run.chunks);
    }),
    { numRuns: 100 },
  );
});

test('an answer to an approval goes on with the same message, whatever is cut and lost', async () => {
  const withCall = troubledRun.filter(({ chunks }) =>
    chunks.some(({ type }) => type === 'tool-input-available'),
  );
  await fc.assert(
    fc.asyncProperty(withCall, connectionPlans, async (run, plans) => {
      const server = serveTroubledRun(run, plans);
      const waits = run.chunks.findIndex(({ type }) => type === 'tool-input-available');
      const waitId = server.pass(({ chunk }) => isDeepStrictEqual(chunk, run.chunks[waits]));
      const { message: waiting } = await read(streamOf(run.chunks.slice(0, waits + 1)));
      const transport = transportTo((cursor, isFirst) =>
        isFirst
          ? server.connect(waitId, { first: frameOf({ type: 'start', messageId: 'message-1' }) })
          : server.connect(cursor),
      );
      const messages = [user, waiting];
      const stream = await transport.sendMessages({ ...sent, messages, messageId: 'message-1' });
      const { message } = await read(stream, waiting);
      expect(message).toEqual((await read(streamOf(run.chunks))).message);
    }),
    { numRuns: 150 },
  );
});
