import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Chunk } from '@switchyard/protocol';
import { createChunkBuffer } from './chunk-buffer.ts';

const deltaArbitrary: fc.Arbitrary<Chunk> = fc.oneof(
  fc
    .record({ id: fc.constantFrom('a', 'b'), delta: fc.string({ maxLength: 3 }) })
    .map((fields) => ({ type: 'text-delta', ...fields }) as const),
  fc
    .record({ id: fc.constantFrom('a', 'b'), delta: fc.string({ maxLength: 3 }) })
    .map((fields) => ({ type: 'reasoning-delta', ...fields }) as const),
  fc
    .record({ toolCallId: fc.constantFrom('a', 'b'), inputTextDelta: fc.string({ maxLength: 3 }) })
    .map((fields) => ({ type: 'tool-input-delta', ...fields }) as const),
  fc
    .record({
      toolCallId: fc.constantFrom('a', 'b'),
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.string({ maxLength: 3 }),
    })
    .map((data) => ({ type: 'data-tool-output', data, transient: true }) as const),
  fc.constantFrom<Chunk>(
    { type: 'text-start', id: 'a' },
    { type: 'text-end', id: 'a' },
    { type: 'start-step' },
    { type: 'text-delta', id: 'a', delta: 'x', providerMetadata: { p: { k: 1 } } },
  ),
);

/** The same chunks with every delta cut into its characters: what a merge must not change. */
function spelled(chunks: readonly Chunk[]): string[] {
  return chunks.flatMap((chunk) => {
    switch (chunk.type) {
      case 'text-delta':
      case 'reasoning-delta':
        return chunk.providerMetadata
          ? [JSON.stringify(chunk)]
          : Array.from(chunk.delta).map((letter) => `${chunk.type} ${chunk.id} ${letter}`);
      case 'tool-input-delta':
        return Array.from(chunk.inputTextDelta).map((letter) => `input ${chunk.toolCallId} ${letter}`);
      case 'data-tool-output':
        return Array.from(chunk.data.text).map(
          (letter) => `output ${chunk.data.toolCallId} ${chunk.data.stream} ${letter}`,
        );
      default:
        return [JSON.stringify(chunk)];
    }
  });
}

test('whatever is merged and however it is taken, every character comes out once and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(deltaArbitrary, { maxLength: 6 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 400 }),
      (bursts, maxChunks, maxBytes) => {
        const buffer = createChunkBuffer();
        const taken: Chunk[] = [];
        for (const burst of bursts) {
          for (const chunk of burst) buffer.push(chunk);
          taken.push(...buffer.take({ maxChunks, maxBytes }));
        }
        while (buffer.length > 0) taken.push(...buffer.take({ maxChunks, maxBytes }));
        expect(spelled(taken)).toEqual(spelled(bursts.flat()));
        expect(buffer.bytes).toBe(0);
        expect(buffer.taken).toBe(buffer.pushed);
      },
    ),
  );
});

test('adjacent deltas of one part become one chunk, others stay apart', () => {
  const buffer = createChunkBuffer();
  const chunks: Chunk[] = [
    { type: 'text-delta', id: 'a', delta: '1' },
    { type: 'text-delta', id: 'a', delta: '2' },
    { type: 'text-delta', id: 'b', delta: '3' },
    { type: 'reasoning-delta', id: 'b', delta: '4' },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stdout', text: '5' }, transient: true },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stdout', text: '6' }, transient: true },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stderr', text: '7' }, transient: true },
    { type: 'data-tool-output', data: { toolCallId: 'd', stream: 'stderr', text: '8' }, transient: true },
  ];
  for (const chunk of chunks) buffer.push(chunk);
  expect(buffer.take({ maxChunks: 100, maxBytes: 10_000 })).toEqual([
    { type: 'text-delta', id: 'a', delta: '12' },
    { type: 'text-delta', id: 'b', delta: '3' },
    { type: 'reasoning-delta', id: 'b', delta: '4' },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stdout', text: '56' }, transient: true },
    { type: 'data-tool-output', data: { toolCallId: 'c', stream: 'stderr', text: '7' }, transient: true },
    { type: 'data-tool-output', data: { toolCallId: 'd', stream: 'stderr', text: '8' }, transient: true },
  ]);
});

test('a merged delta does not grow without bound', () => {
  const buffer = createChunkBuffer();
  for (let index = 0; index < 100; index += 1) {
    buffer.push({ type: 'text-delta', id: 'a', delta: 'x'.repeat(10_000) });
  }
  const sizes = buffer
    .take({ maxChunks: 100, maxBytes: 10_000_000 })
    .map((chunk) => (chunk.type === 'text-delta' ? chunk.delta.length : 0));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_000);
});
