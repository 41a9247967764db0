import { readUIMessageStream } from 'ai';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunk, MessagePart, SwitchyardMessage } from './message.ts';
import { chunksOfParts } from './replay.ts';

/** The SDK's own reader over the chunks, as JSON: what every client ends with. */
async function fold(chunks: readonly Chunk[]): Promise<unknown> {
  const stream = new ReadableStream<Chunk>({
    start(controller) {
      controller.enqueue({ type: 'start', messageId: 'm' });
      for (const chunk of chunks) controller.enqueue(chunk);
      // The reader shows a bare step-start only with the next visible change.
      controller.enqueue({ type: 'data-notice', id: 'end', data: { code: 'end', text: '' } });
      controller.close();
    },
  });
  let last: SwitchyardMessage | undefined;
  for await (const message of readUIMessageStream<SwitchyardMessage>({ stream })) last = message;
  return JSON.parse(JSON.stringify(last?.parts.slice(0, -1) ?? []));
}

/** As it arrives over the wire: JSON has no negative zero. */
const json = fc.jsonValue({ maxDepth: 2 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
const input = fc.dictionary(fc.string(), json, { maxKeys: 2 });
/** A call that a person was asked about; a call that is not done is in the state that his answer left it in. */
function withApproval<Call extends { readonly state: string }>(
  { state, ...call }: Call,
  {
    approved,
    reason,
    ...request
  }: { readonly id: string; readonly approved?: boolean; readonly reason?: string },
) {
  if (approved === undefined) return { ...call, state: 'approval-requested', approval: request };
  const approval = { ...request, approved, ...(reason === undefined ? {} : { reason }) };
  if (!approved) return { ...call, state: 'output-denied', approval };
  return { ...call, state: state === 'input-available' ? 'approval-responded' : state, approval };
}
const tool = fc
  .record({
    name: fc.constantFrom('tool-shell', 'tool-read_file', 'dynamic-tool'),
    id: fc.uuid(),
    input,
    output: json,
    state: fc.constantFrom('input-available', 'output-available', 'output-error'),
    approval: fc.option(
      fc.record(
        { id: fc.uuid(), requestReason: fc.string(), approved: fc.boolean(), reason: fc.string() },
        { requiredKeys: ['id'] },
      ),
      { nil: undefined },
    ),
  })
  .map(({ approval, ...call }) => (approval ? withApproval(call, approval) : call))
  .map(({ name, id, input, output, state, ...rest }) => ({
    type: name,
    ...(name === 'dynamic-tool' ? { toolName: 'unheard-of' } : {}),
    toolCallId: id,
    state,
    input,
    ...(state === 'output-available' ? { output } : {}),
    ...(state === 'output-error' ? { errorText: 'It failed.' } : {}),
    ...rest,
  }));
const part = fc.oneof(
  fc.string().map((text) => ({ type: 'text', text, state: 'done' })),
  fc
    .record({ id: fc.uuid(), text: fc.string() })
    .map(({ id, text }) => ({ type: 'reasoning', id, text, state: 'done' })),
  tool,
  fc.uuid().map((id) => ({ type: 'data-todo', id, data: { todos: [] } })),
);
const steps = fc.array(fc.array(part, { maxLength: 4 }), { minLength: 1, maxLength: 4 });

describe('chunksOfParts', () => {
  it('gives chunks whose fold is exactly the parts', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (generated) => {
        const parts = generated.flatMap((step) => [{ type: 'step-start' }, ...step]) as MessagePart[];
        expect(await fold(chunksOfParts(parts, { closeLastStep: true }))).toEqual(parts);
      }),
      { numRuns: 100 },
    );
  });

  it('opens and closes each step once', () => {
    const parts: MessagePart[] = [
      { type: 'step-start' },
      { type: 'text', text: 'a', state: 'done' },
      { type: 'step-start' },
    ];
    const types = chunksOfParts(parts, { closeLastStep: false }).map((chunk) => chunk.type);
    expect(types).toEqual([
      'start-step',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'start-step',
    ]);
  });

  it('leaves the first start-step out when the step is reopened', () => {
    const types = chunksOfParts([{ type: 'step-start' }], { closeLastStep: true, reopened: true }).map(
      (chunk) => chunk.type,
    );
    expect(types).toEqual(['finish-step']);
  });
});
