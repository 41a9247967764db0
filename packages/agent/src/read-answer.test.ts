import { type ModelEntry, type ModelWire, scriptedModel } from '@switchyard/protocol';
import { type Answer, type Fault, type ScriptedModel, startScriptedModel } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAnswerChunks } from './answer-chunks.ts';
import { describeModelFailure } from './model-failure.ts';
import { createModels } from './models.ts';
import type { ModelDeadlines } from './patience.ts';
import { readAnswer } from './read-answer.ts';
import { defineTool } from './tool.ts';
import { createToolset } from './toolset.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  inputSchema: z.object({ at: z.string() }),
  effect: 'read',
  needs: 'nothing',
  execute: async ({ at }) => ({ outcome: 'ok', output: at }),
});
const tools = createToolset([look]);

const wires = ['chat', 'responses', 'messages'] as const;
const entryOf = (wire: ModelWire): ModelEntry => ({
  ...scriptedModel,
  id: `scripted:${wire}`,
  aliases: [],
  wire,
  reasoning: wire === 'chat' ? 'sent-back' : 'sealed',
  cache: wire === 'messages' ? 'markers' : 'automatic',
});

let server: ScriptedModel;
beforeAll(async () => {
  server = await startScriptedModel();
});
afterAll(async () => {
  await server.stop();
});

let count = 0;

/** What one request came to: the calls and texts that were shown, or the failure as the loop sees it. */
async function read(
  wire: ModelWire,
  answer: Answer,
  faults: readonly Fault[] = [],
  deadlines: ModelDeadlines = { firstChunkMs: 20_000, chunkMs: 20_000 },
) {
  count += 1;
  const name = `s${count}`;
  server.setScenario(name, { turns: [{ ...answer, faults: [...faults] }] });
  const models = createModels(wires.map(entryOf), {
    openaiApiKey: null,
    openaiBaseUrl: null,
    anthropicApiKey: null,
    scriptedModelUrl: server.url,
  });
  const chunks = createAnswerChunks({ attempt: '1.1', knownTools: tools.names });
  const shown: { type: string; delta?: string; input?: unknown; errorText?: string }[] = [];
  const outcome = await readAnswer({
    request: {
      model: models(`scripted:${wire}`),
      instructions: 'Be brief.',
      messages: [{ role: 'user', content: `[[scenario:${name}]]` }],
      toolSet: tools.forModel,
    },
    answer: chunks,
    maxOutputTokens: models(`scripted:${wire}`).maxOutputTokens,
    deadlines,
    signal: new AbortController().signal,
    show: async (...more) => {
      shown.push(...(more as typeof shown));
    },
  });
  const textOf = (type: string) =>
    shown
      .filter((chunk) => chunk.type === type)
      .map(({ delta }) => delta)
      .join('');
  return {
    outcome,
    failure: outcome.outcome === 'failed' ? describeModelFailure(outcome.error) : null,
    text: textOf('text-delta'),
    reasoning: textOf('reasoning-delta'),
    inputs: shown.filter(({ type }) => type === 'tool-input-available').map(({ input }) => input),
    ids: new Set(chunks.calls.map(({ callId }) => callId)),
    problems: chunks.calls.map(({ problem }) => problem),
    request: server.requests.at(-1),
  };
}

const call = (at: string, pieces = 1) => ({ toolCall: { name: 'look', arguments: { at }, pieces } });
const talk: Answer = {
  steps: [{ reasoning: ['Hm', 'm.'] }, { text: ['Grü', 'ße 😀'] }, call('a', 4), call('b')],
  usage: { inputTokens: 12, cachedInputTokens: 5, outputTokens: 7 },
};
/** Of `talk`: two of reasoning, two of text, two heads and five pieces of arguments. */
const chunkCount = 11;

describe.each(wires)('over the wire "%s" an answer', (wire) => {
  it('comes with its reasoning, text, calls and usage', async () => {
    const answer = await read(wire, talk);
    expect(answer).toMatchObject({
      reasoning: 'Hmm.',
      text: 'Grüße 😀',
      inputs: [{ at: 'a' }, { at: 'b' }],
      problems: [null, null],
      outcome: {
        outcome: 'complete',
        finishReason: 'tool-calls',
        usage: { inputTokens: 12, outputTokens: 7, inputTokenDetails: { cacheReadTokens: 5 } },
      },
    });
    expect(answer.request).toMatchObject({ wire, chunks: chunkCount });
  });

  it('comes whole over a stream that is cut at every byte, with comments and other line ends', async () => {
    const style = { bytesPerWrite: 1, comments: true, lineEnd: 'crlf' } as const;
    expect(await read(wire, { ...talk, style })).toMatchObject({
      text: 'Grüße 😀',
      inputs: [{ at: 'a' }, { at: 'b' }],
      outcome: { outcome: 'complete' },
    });
  });

  it.each([
    ['length', 'length'],
    ['content_filter', 'content-filter'],
    ['something_new', 'other'],
  ])('that ends by %s is told as %s', async (finishReason, told) => {
    const answer = await read(wire, { steps: [{ text: 'a' }], finishReason });
    expect(answer.outcome).toMatchObject({ outcome: 'complete', finishReason: told });
  });

  it.each(['error', 'insufficient_system_resource', 'network_error', 'abort'])(
    'that the server broke off, as its word "%s" says, is no answer, and may be asked for again',
    async (finishReason) => {
      expect((await read(wire, { ...talk, finishReason })).failure).toMatchObject({ isRetryable: true });
    },
  );

  it('that ended where the window is full was cut, and is too long a conversation when it had not begun', async () => {
    const finishReason = 'model_context_window_exceeded';
    const cut = await read(wire, { steps: [{ text: 'a' }], finishReason });
    expect(cut.outcome).toMatchObject({ finishReason: 'length', isWindowFull: true });
    const { failure } = await read(wire, { steps: [{ reasoning: 'a' }], finishReason });
    expect(failure).toMatchObject({ kind: 'context-overflow', isRetryable: false });
  });

  it('that writes the same again and again into a call is cut, and the call fails', async () => {
    const endless = await read(wire, { steps: [call('a'), call('One line of a file.\n'.repeat(5000), 500)] });
    expect(endless.outcome).toEqual({ outcome: 'repeated' });
    // On the chat wire no call is whole before the answer's end.
    expect(endless.problems[0] === null).toBe(wire !== 'chat');
    expect(endless.problems[1]).toMatch(/repeated themselves/);
    const table = await read(wire, { steps: [call('One line of a file.\n'.repeat(300), 50)] });
    expect(table).toMatchObject({ outcome: { outcome: 'complete' }, problems: [null] });
  });

  it('that stops with calls has its calls', async () => {
    expect((await read(wire, { ...talk, finishReason: 'stop' })).inputs).toHaveLength(2);
  });

  it.each(Array.from({ length: chunkCount + 1 }, (_, afterChunks) => afterChunks))(
    'that is cut or just stops after %i chunks is no answer, and may be asked for again',
    async (afterChunks) => {
      for (const kind of ['cut', 'close'] as const) {
        const { failure } = await read(wire, talk, [{ kind, afterChunks }]);
        expect(failure).toMatchObject({ kind: 'other', isRetryable: true });
      }
    },
  );

  it.each(Array.from({ length: chunkCount + 1 }, (_, afterChunks) => afterChunks))(
    'that falls silent after %i chunks is given up',
    async (afterChunks) => {
      const { failure } = await read(wire, talk, [{ kind: 'stall', afterChunks }], {
        firstChunkMs: 100,
        chunkMs: 100,
      });
      expect(failure?.detail).toMatch(/sent nothing/);
    },
  );

  it.each(Array.from({ length: chunkCount + 1 }, (_, afterChunks) => afterChunks))(
    'that fails after %i chunks is told as what it is',
    async (afterChunks) => {
      const failed = async (is: 'status' | 'overloaded' | 'context-length', message: string) =>
        (await read(wire, talk, [{ kind: 'error', afterChunks, is, message }])).failure;
      expect(await failed('status', 'It broke.')).toMatchObject({ kind: 'other', isRetryable: true });
      expect(await failed('overloaded', 'Overloaded')).toMatchObject({
        kind: 'overloaded',
        isRetryable: true,
      });
      expect(await failed('context-length', 'prompt is too long: 9 tokens > 8 maximum')).toMatchObject({
        kind: 'context-overflow',
        isRetryable: false,
      });
    },
  );
});

describe('the patience with a model', () => {
  const patient = { firstChunkMs: 10_000, chunkMs: 150 };
  const hidden: Answer['steps'] = [{ reasoning: '' }, { delayMs: 600 }, { reasoning: 'Hm.' }];

  it.each(['responses', 'messages'] as const)(
    'is that before a first chunk while it thinks and shows nothing of it: %s',
    async (wire) => {
      const steps = [...hidden, { text: 'Well.' }, ...hidden, { text: 'So.' }];
      expect(await read(wire, { steps }, [], patient)).toMatchObject({ failure: null, text: 'Well.So.' });
    },
  );

  it.each(wires)(
    'is that before a first chunk while the arguments of a call are written: %s',
    async (wire) => {
      const steps = [{ text: 'Well.' }, { ...call('a'), delayMs: 600 }];
      expect(await read(wire, { steps }, [], patient)).toMatchObject({
        failure: null,
        inputs: [{ at: 'a' }],
      });
    },
  );

  it.each(wires)('is shorter once it has begun to write: %s', async (wire) => {
    const answer = { steps: [{ text: 'Well.' }, { delayMs: 5000 }, { text: 'So.' }] };
    expect((await read(wire, answer, [], patient)).failure?.detail).toMatch(/sent nothing/);
  });
});

describe.each(wires)('over the wire "%s" a refusal', (wire) => {
  const refusedWith = async (fault: Fault) => {
    const { failure, request } = await read(wire, talk, [fault]);
    expect(request?.chunks).toBe(0);
    return failure;
  };

  it.each([
    [401, { kind: 'other', isRetryable: false, detail: "The model's server refused our credentials." }],
    [400, { kind: 'other', isRetryable: false }],
    [404, { kind: 'other', isRetryable: false }],
    [413, { kind: 'context-overflow', isRetryable: false }],
    [500, { kind: 'other', isRetryable: true }],
    [503, { kind: 'other', isRetryable: true }],
    [529, { kind: 'overloaded', isRetryable: true }],
  ])('with %i is told as what it is, and asked once', async (status, told) => {
    const before = server.requests.length;
    expect(await refusedWith({ kind: 'status', status })).toMatchObject(told);
    expect(server.requests.length - before).toBe(1);
  });

  it('with 429 says when to come again', async () => {
    const failure = await refusedWith({ kind: 'status', status: 429, retryAfterSeconds: 7 });
    expect(failure).toMatchObject({ isRetryable: true, retryAfterMs: 7000 });
  });

  it('of what is too long is known by the code or by the words', async () => {
    const words = { chat: 'no', responses: 'no', messages: 'prompt is too long: 9 tokens > 8 maximum' };
    expect(await refusedWith({ kind: 'context-length', message: words[wire] })).toMatchObject({
      kind: 'context-overflow',
      isRetryable: false,
      detail: "The conversation is longer than the model's context window.",
    });
  });
});

describe.each(wires)('over the wire "%s" a refusal inside a stream', (wire) => {
  /** What the servers of each wire send: all the same but what is around it. */
  const refusedBy = async (error: Readonly<Record<string, unknown>>) => {
    const frame = {
      chat: { error },
      messages: { type: 'error', error },
      responses: { type: 'error', error },
    };
    return (await read(wire, talk, [{ kind: 'error', afterChunks: 1, frame: frame[wire] }])).failure;
  };

  it.each([
    ['authentication_error', 'invalid_api_key'],
    ['permission_error', null],
    ['not_found_error', 'model_not_found'],
    ['invalid_request_error', null],
  ])('of the type "%s" is not asked again', async (type, code) => {
    expect(await refusedBy({ message: 'no', type, code })).toMatchObject({
      kind: 'other',
      isRetryable: false,
    });
  });

  it('for want of credit is a matter for another provider, and one of many requests passes', async () => {
    const quota = { message: 'no', type: 'insufficient_quota', code: 'insufficient_quota' };
    expect(await refusedBy(quota)).toMatchObject({ kind: 'overloaded', isRetryable: false });
    expect(await refusedBy({ message: 'no', type: 'rate_limit_error' })).toMatchObject({ isRetryable: true });
  });
});

describe('over the chat wire a refusal that is a text alone', () => {
  const refusedBy = async (error: string) =>
    (await read('chat', talk, [{ kind: 'error', afterChunks: 1, frame: { error } }])).failure;

  it('is known by its words when the conversation is too long, and passes otherwise', async () => {
    const words = 'the request exceeds the available context size';
    expect(await refusedBy(words)).toMatchObject({ kind: 'context-overflow', isRetryable: false });
    expect(await refusedBy('slot unavailable')).toMatchObject({ kind: 'other', isRetryable: true });
  });
});

describe('over the chat wire calls are understood', () => {
  it.each([
    ['whole in one chunk', { calls: 'whole' }],
    ['without ids', { callIds: 'missing' }],
    ['whole and without ids', { calls: 'whole', callIds: 'missing' }],
    ['with index 0 each', { calls: 'whole', callIndex: 'zero' }],
    ['with index 0 each, in pieces', { callIndex: 'zero' }],
    ['without an index', { calls: 'whole', callIndex: 'missing' }],
    ['with index 0 each, without ids', { calls: 'whole', callIds: 'missing', callIndex: 'zero' }],
  ] as const)('%s', async (_name, style) => {
    const answer = await read('chat', { ...talk, style });
    expect(answer.inputs).toEqual([{ at: 'a' }, { at: 'b' }]);
    expect(answer.problems).toEqual([null, null]);
    expect(answer.ids.size).toBe(2);
  });

  it('and a usage that the server does not tell is not made up', async () => {
    const { outcome } = await read('chat', { ...talk, usage: 'absent' });
    expect(outcome).toMatchObject({ outcome: 'complete', usage: { inputTokens: undefined } });
  });
});
