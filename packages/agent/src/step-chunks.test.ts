import type { Chunk } from '@switchyard/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldChunks } from './fold.ts';
import { closingChunks, createStepChunks } from './step-chunks.ts';

/** A step's chunks with texts, reasoning and calls, each cut into deltas. */
const stepArbitrary = fc
  .array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom('text', 'reasoning'),
        deltas: fc.array(fc.string(), { maxLength: 4 }),
      }),
      fc.record({ kind: fc.constant('call'), deltas: fc.array(fc.string(), { maxLength: 3 }) }),
    ),
    { maxLength: 6 },
  )
  .map((parts): Chunk[] => [
    { type: 'start-step' },
    ...parts.flatMap(({ kind, deltas }, index): Chunk[] => {
      const id = `${kind}-${index}`;
      if (kind === 'call') {
        return [
          { type: 'tool-input-start', toolCallId: id, toolName: 'echo' },
          ...deltas.map((inputTextDelta): Chunk => ({
            type: 'tool-input-delta',
            toolCallId: id,
            inputTextDelta,
          })),
          { type: 'tool-input-available', toolCallId: id, toolName: 'echo', input: { deltas } },
          {
            type: 'data-tool-output',
            data: { toolCallId: id, stream: 'stdout', text: 'x' },
            transient: true,
          },
          { type: 'tool-output-available', toolCallId: id, output: deltas },
          { type: 'data-todo', id, data: { todos: [] } },
        ];
      }
      const name = kind;
      return [
        { type: `${name}-start`, id },
        ...deltas.map((delta): Chunk => ({ type: `${name}-delta`, id, delta })),
        { type: `${name}-end`, id },
      ];
    }),
  ]);

function kept(chunks: readonly Chunk[]): readonly Chunk[] {
  const step = createStepChunks();
  for (const chunk of chunks) step.add(chunk);
  return step.chunks;
}

describe('the chunks of a step', () => {
  it('fold to what all chunks of the step fold to, though deltas are merged', async () => {
    await fc.assert(
      fc.asyncProperty(stepArbitrary, async (chunks) => {
        expect(await foldChunks(kept(chunks))).toEqual(await foldChunks(chunks));
      }),
    );
  });

  it('closed at any point have no open part and no call without a result', async () => {
    await fc.assert(
      fc.asyncProperty(stepArbitrary, fc.nat(40), async (chunks, cut) => {
        const seen = chunks.slice(0, 1 + cut);
        const closing = closingChunks(kept(seen), 'Stopped.');
        const parts = await foldChunks([...seen, ...closing]);
        // The same parts come from what was kept and from what every viewer saw.
        expect(await foldChunks([...kept(seen), ...closing])).toEqual(parts);
        const states = parts.flatMap((part) => ('state' in part ? [part.state] : []));
        expect(['done', 'output-available', 'output-error']).toEqual(expect.arrayContaining(states));
        expect(closing.at(-1)).toEqual({ type: 'finish-step' });
      }),
    );
  });

  it('are those since the last mark', () => {
    const step = createStepChunks();
    expect(step.isOpen).toBe(false);
    step.add({ type: 'start-step' });
    step.add({ type: 'text-start', id: 'a' });
    step.add({ type: 'reset-step' });
    expect(step.chunks).toEqual([{ type: 'start-step' }]);
    step.add({ type: 'finish-step' });
    expect(step.isOpen).toBe(false);
    expect(closingChunks(step.chunks, 'x')).toEqual([]);
  });
});
