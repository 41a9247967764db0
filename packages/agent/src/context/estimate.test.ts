import { expect, it } from 'vitest';
import { lengthOf, tokensOf } from './estimate.ts';

it('counts all text of a message, tool results included', () => {
  const short = lengthOf({ role: 'user', content: 'x' });
  expect(lengthOf({ role: 'user', content: 'x'.repeat(1001) })).toBe(short + 1000);
  const result = (value: string) => ({
    role: 'tool' as const,
    content: [
      {
        type: 'tool-result' as const,
        toolCallId: 'c',
        toolName: 'echo',
        output: { type: 'json' as const, value: { value } },
      },
    ],
  });
  expect(lengthOf(result('x'.repeat(501)))).toBe(lengthOf(result('x')) + 500);
});

it('counts a picture by what it costs, and data that only looks like one by its text', () => {
  const picture = (data: string) => ({ type: 'file', mediaType: 'image/png', data });
  expect(lengthOf(picture('x'.repeat(1_000_000)))).toBe(lengthOf(picture('x')));
  expect(lengthOf({ type: 'file', path: 'x'.repeat(9000) })).toBeGreaterThan(9000);
});

it('costs no more for equal characters than for others, as a tokenizer does', () => {
  const costOf = (text: string) => {
    const before = performance.now();
    for (let times = 0; times < 100; times += 1) tokensOf(lengthOf({ role: 'user', content: text }));
    return performance.now() - before;
  };
  costOf('warm');
  // A hundred times 200,000 equal characters; a tokenizer takes seconds for one.
  expect(costOf('a'.repeat(200_000))).toBeLessThan(500);
});
