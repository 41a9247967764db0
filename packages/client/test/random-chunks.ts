import type { Chunk, SwitchyardMessage } from '@switchyard/protocol';
import fc from 'fast-check';
import { applyChunk } from '../src/apply-chunk.ts';

/** Few ids, so that they meet; what a call is (static, or dynamic) goes by its id, as in a real stream. */
const textId = fc.constantFrom('a', 'b');
const callId = fc.constantFrom('static-1', 'static-2', 'dynamic-1');
const approvalId = fc.constantFrom('approval-1', 'approval-2');
const toolName = fc.constantFrom('shell', 'read_file');
const text = fc.string({ maxLength: 8 });
const json = fc.jsonValue({ maxDepth: 2 });
const providerMetadata = fc.constantFrom(undefined, { vendor: { item: '1' } }, { vendor: { item: '2' } });
const metadata = fc.oneof(
  fc.constant(undefined),
  fc.record(
    {
      runId: fc.constantFrom('run-1', 'run-2'),
      steps: fc.nat(9),
      usage: fc.record({ inputTokens: fc.nat(9), list: fc.array(fc.nat(9)) }, { requiredKeys: [] }),
      reason: fc.constantFrom(null, 'finished', undefined),
      costUsd: fc.option(fc.nat(9)),
    },
    { requiredKeys: [] },
  ),
);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 });

/** Members that are undefined do not travel, so they are left out. */
function chunkOf(type: string, members: Record<string, fc.Arbitrary<unknown>> = {}): fc.Arbitrary<Chunk> {
  return fc.record(members).map(
    (values) =>
      ({
        type,
        ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
      }) as Chunk,
  );
}

const call = { toolCallId: callId, providerMetadata, providerExecuted: maybe(fc.boolean()) };
const described = { title: maybe(text), toolMetadata: maybe(fc.record({ server: text })) };
const ofItsKind = (chunk: Chunk) =>
  ('toolCallId' in chunk && chunk.toolCallId.startsWith('dynamic')
    ? { ...chunk, dynamic: true }
    : chunk) as Chunk;

/** Any one chunk; by itself it may contradict what came before it. */
const anyChunk: fc.Arbitrary<Chunk> = fc.oneof(
  { weight: 4, arbitrary: chunkOf('text-start', { id: textId, providerMetadata }) },
  { weight: 16, arbitrary: chunkOf('text-delta', { id: textId, delta: text, providerMetadata }) },
  {
    weight: 3,
    arbitrary: chunkOf('text-end', {
      id: textId,
      providerMetadata,
      citations: maybe(fc.constant([{ sourceId: 's', startIndex: 0, endIndex: 1 }])),
    }),
  },
  { weight: 2, arbitrary: chunkOf('reasoning-start', { id: textId, providerMetadata }) },
  { weight: 8, arbitrary: chunkOf('reasoning-delta', { id: textId, delta: text, providerMetadata }) },
  { weight: 2, arbitrary: chunkOf('reasoning-end', { id: textId, providerMetadata }) },
  chunkOf('file', { url: text, mediaType: text, providerMetadata }),
  chunkOf('reasoning-file', { url: text, mediaType: text, providerMetadata }),
  chunkOf('custom', { kind: fc.constant('vendor.kind'), providerMetadata }),
  chunkOf('source-url', { sourceId: text, url: text, title: maybe(text), providerMetadata }),
  chunkOf('source-document', {
    sourceId: text,
    mediaType: text,
    title: text,
    filename: maybe(text),
    providerMetadata,
  }),
  {
    weight: 4,
    arbitrary: chunkOf('tool-input-start', {
      ...call,
      ...described,
      toolName,
      inputEncoding: maybe(fc.constantFrom('json', 'text')),
    }).map(ofItsKind),
  },
  {
    weight: 16,
    arbitrary: chunkOf('tool-input-delta', {
      toolCallId: callId,
      inputTextDelta: fc.string({ maxLength: 20 }),
    }),
  },
  {
    weight: 4,
    arbitrary: chunkOf('tool-input-available', { ...call, ...described, toolName, input: json }).map(
      ofItsKind,
    ),
  },
  chunkOf('tool-input-error', {
    ...call,
    toolName,
    input: json,
    errorText: text,
    toolMetadata: described.toolMetadata,
    dynamic: maybe(fc.boolean()),
  }),
  {
    weight: 4,
    arbitrary: chunkOf('tool-approval-request', {
      approvalId,
      toolCallId: callId,
      reason: maybe(text),
      isAutomatic: maybe(fc.boolean()),
      signature: maybe(text),
      approvalDescriptor: maybe(json),
      inputSchemaInput: maybe(json),
    }),
  },
  {
    weight: 6,
    arbitrary: chunkOf('tool-approval-response', {
      approvalId,
      approved: fc.boolean(),
      reason: maybe(text),
      providerExecuted: maybe(fc.boolean()),
      providerMetadata,
    }),
  },
  {
    weight: 3,
    arbitrary: chunkOf('tool-output-available', {
      ...call,
      output: json,
      preliminary: maybe(fc.boolean()),
      toolMetadata: described.toolMetadata,
    }),
  },
  {
    weight: 2,
    arbitrary: chunkOf('tool-output-error', {
      ...call,
      errorText: text,
      toolMetadata: described.toolMetadata,
    }),
  },
  chunkOf('tool-output-denied', { toolCallId: callId }),
  {
    weight: 4,
    arbitrary: chunkOf('data-todo', {
      id: maybe(fc.constantFrom('x', 'y')),
      data: json,
      transient: maybe(fc.boolean()),
    }),
  },
  chunkOf('data-notice', { id: maybe(fc.constantFrom('x')), data: json }),
  chunkOf('steering-message', { id: text, parts: fc.constant([{ type: 'text', text: 'Turn left.' }]) }),
  { weight: 4, arbitrary: chunkOf('start-step') },
  chunkOf('finish-step'),
  chunkOf('reset-step'),
  chunkOf('start', {
    messageId: fc.constantFrom('message-1', 'message-1', 'message-1', 'message-2', undefined),
    messageMetadata: metadata,
  }),
  chunkOf('message-metadata', { messageMetadata: metadata }),
  chunkOf('finish', { finishReason: fc.constantFrom('stop', 'tool-calls'), messageMetadata: metadata }),
  chunkOf('abort', { reason: maybe(text) }),
  chunkOf('error', { errorText: text }),
);

/** Chunks of every kind in any order, most of them without what they need before them. */
export const anyChunks = fc.array(anyChunk, { maxLength: 80, size: 'max' });

/** What every streamed input is a beginning of; what the reader makes of text that is no JSON is no part of the contract. */
const wholeInput = '{"command":"ls -l\\n\\u00e9","n":[1,-2.5e3,true,null,{}],"more":{"é🙂":"🙂"} } ';

/** Takes of the chunks those that may follow the ones before them, and one that may not, if there is one. */
export function takeValid(
  message: SwitchyardMessage | undefined,
  chunks: readonly Chunk[],
): { readonly valid: Chunk[]; readonly refused: { readonly at: number; readonly chunk: Chunk } | null } {
  const valid: Chunk[] = [];
  let refused: { at: number; chunk: Chunk } | null = null;
  let state = message;
  const streaming = streamingCalls(message);
  for (const random of chunks) {
    let chunk = random;
    if (chunk.type === 'tool-input-delta') {
      // An input streams within one step, and no further once it is whole.
      const taken = streaming.get(chunk.toolCallId);
      if (taken === undefined) continue;
      const end = taken + chunk.inputTextDelta.length;
      streaming.set(chunk.toolCallId, end);
      chunk = { ...chunk, inputTextDelta: wholeInput.slice(taken, end) };
    }
    try {
      state = applyChunk(state, chunk);
    } catch {
      refused ??= { at: valid.length, chunk };
      continue;
    }
    valid.push(chunk);
    if (chunk.type === 'tool-input-start') streaming.set(chunk.toolCallId, 0);
    // A call that somebody was asked about is whole; an answer to one does not say which call it is.
    else if (/^(?:start|reset-step|start-step|tool-approval-response)$/.test(chunk.type)) streaming.clear();
    else if ('toolCallId' in chunk && chunk.type !== 'tool-input-delta') streaming.delete(chunk.toolCallId);
  }
  return { valid, refused };
}

/** How much of their input the calls have that the message's last step streams. */
function streamingCalls(message: SwitchyardMessage | undefined): Map<string, number> {
  const parts = message?.role === 'assistant' ? message.parts : [];
  const step = parts.slice(parts.findLastIndex(({ type }) => type === 'step-start') + 1);
  return new Map(
    step.flatMap((part) =>
      'state' in part && part.state === 'input-streaming'
        ? [[part.toolCallId, part.rawInput?.length ?? 0] as const]
        : [],
    ),
  );
}
