import type { Chunk, MessageMetadata, SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyChunks, takeValid } from '../test/random-chunks.ts';
import { applyChunk, applyChunks } from './apply-chunk.ts';

/** The message as it travels and is stored. */
const plain = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value ?? null)) as Value;

/** After each chunk a mark by which the reader's states can be told apart; it shows states that it had kept silent. */
const markOf = (count: number): Chunk => ({
  type: 'message-metadata',
  messageMetadata: { mark: count } as unknown as MessageMetadata,
});

interface Reading {
  readonly states: SwitchyardMessage[];
  readonly errors: unknown[];
}

/** What the SDK's reader has after each chunk. */
async function readAsTheSdkDoes(message: SwitchyardMessage | undefined, chunks: readonly Chunk[]) {
  const marked = chunks.flatMap((chunk, index) => [structuredClone(chunk), markOf(index)]);
  const reading: Reading = { states: [], errors: [] };
  const states = readUIMessageStream<SwitchyardMessage>({
    stream: ReadableStream.from(marked),
    onError: (error) => reading.errors.push(error),
    ...(message ? { message: structuredClone(message) } : {}),
  });
  for await (const state of states) {
    const mark = (state.metadata as { mark?: number } | undefined)?.mark;
    if (mark === reading.states.length) reading.states.push(plain(state));
  }
  return reading;
}

/** An empty thread, an answer that goes on (as it was stored), or a question whose answer begins. */
const beginning: fc.Arbitrary<SwitchyardMessage | undefined> = fc.oneof(
  fc.constant(undefined),
  anyChunks.map((chunks) => plain(applyChunks(undefined, takeValid(undefined, chunks).valid))),
  fc.constant<SwitchyardMessage>({ id: 'question', role: 'user', parts: [{ type: 'text', text: 'Why?' }] }),
);

describe('applyChunk', () => {
  test('has after every chunk the message of the SDK, whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(beginning, anyChunks, async (message, chunks) => {
        const { valid } = takeValid(message, chunks);
        const { states, errors } = await readAsTheSdkDoes(message, valid);
        expect(errors).toHaveLength(valid.filter(({ type }) => type === 'error').length);
        let state = message;
        for (const [index, chunk] of valid.entries()) {
          state = applyChunk(applyChunk(state, chunk), markOf(index));
          expect(plain(state)).toEqual(states[index]);
        }
        expect(states).toHaveLength(valid.length);
      }),
      { numRuns: 400 },
    );
  });

  test('refuses only what the SDK refuses', async () => {
    await fc.assert(
      fc.asyncProperty(anyChunks, async (chunks) => {
        const { valid, refused } = takeValid(undefined, chunks);
        fc.pre(refused !== null);
        const { states } = await readAsTheSdkDoes(undefined, [...valid.slice(0, refused.at), refused.chunk]);
        expect(states).toHaveLength(refused.at);
      }),
      { numRuns: 200 },
    );
  });

  test('changes no message that it gave or was given, and keeps the parts that a chunk does not touch', () => {
    fc.assert(
      fc.property(beginning, anyChunks, (message, chunks) => {
        const { valid } = takeValid(message, chunks);
        let state = message;
        const seen: { message: SwitchyardMessage | undefined; text: string }[] = [];
        for (const chunk of valid) {
          seen.push({ message: state, text: JSON.stringify(state) });
          const next = applyChunk(state, chunk);
          const before = state?.role === 'assistant' ? state.parts : [];
          const replaced = before.filter((part, place) => next.parts[place] !== part);
          const mayReplace = chunk.type === 'start' || chunk.type === 'reset-step' ? before.length : 1;
          expect(replaced.length).toBeLessThanOrEqual(mayReplace);
          state = next;
        }
        for (const { message: then, text } of seen) expect(JSON.stringify(then)).toBe(text);
      }),
    );
  });

  test('goes on where a copy of the message was, and takes chunks one by one or together', () => {
    fc.assert(
      fc.property(beginning, anyChunks, fc.nat(80), (message, chunks, cut) => {
        const { valid } = takeValid(message, chunks);
        fc.pre(valid.length > 0);
        let single = message;
        for (const chunk of valid) single = { ...applyChunk(single, chunk) };
        const first = cut === 0 ? message : applyChunks(message, valid.slice(0, cut));
        const together = applyChunks(first, valid.slice(cut));
        expect(plain(together)).toEqual(plain(single));
      }),
    );
  });

  test('passes over kinds of chunks that a newer server sends', () => {
    const message = applyChunk(undefined, { type: 'start', messageId: 'message-1' });
    const next = applyChunk(message, { type: 'hologram', id: '1' } as unknown as Chunk);
    expect(next).toEqual(message);
  });

  test('does not let metadata reach a prototype', () => {
    const evil = JSON.parse(
      '{"__proto__":{"polluted":1},"usage":{"__proto__":{"polluted":1}}}',
    ) as MessageMetadata;
    let message = applyChunk(undefined, { type: 'start', messageMetadata: { usage: {} } as MessageMetadata });
    message = applyChunk(message, { type: 'message-metadata', messageMetadata: evil });
    expect(message.metadata).not.toHaveProperty('polluted');
    expect(message.metadata?.usage).not.toHaveProperty('polluted');
  });

  test('takes a long run in time that grows with its length, not with its square', () => {
    const step = (n: number): Chunk[] => [
      { type: 'start-step' },
      { type: 'text-start', id: `t${n}` },
      ...Array.from({ length: 40 }, (): Chunk => ({ type: 'text-delta', id: `t${n}`, delta: 'word ' })),
      { type: 'text-end', id: `t${n}` },
      { type: 'tool-input-start', toolCallId: `c${n}`, toolName: 'write_file' },
      ...Array.from({ length: 40 }, (_, index): Chunk => ({
        type: 'tool-input-delta',
        toolCallId: `c${n}`,
        inputTextDelta: index === 0 ? '{"content":"' : 'x'.repeat(200),
      })),
      { type: 'tool-output-available', toolCallId: `c${n}`, output: 'x'.repeat(200) },
      { type: 'finish-step' },
    ];
    const timeOf = (steps: number) => {
      let message: SwitchyardMessage | undefined;
      const chunks = Array.from({ length: steps }, (_, n) => step(n)).flat();
      const before = performance.now();
      for (const chunk of chunks) message = applyChunk(message, chunk);
      expect(message?.parts).toHaveLength(steps * 3);
      return performance.now() - before;
    };
    timeOf(50);
    const short = Math.min(timeOf(100), timeOf(100), timeOf(100));
    const long = Math.min(timeOf(800), timeOf(800));
    // Eight times the chunks; a clone at each would take sixty-four times as long.
    expect(long).toBeLessThan(short * 32);
  });
});
