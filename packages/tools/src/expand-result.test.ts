import type { ToolContext } from '@switchyard/agent';
import { describe, expect, test } from 'vitest';
import { expandResultTool } from './expand-result.ts';

const text = `${'a'.repeat(11_999)}😀${'b'.repeat(100)}`;
const context = {
  readResult: (callId) => (callId === 'call-1' ? { toolName: 'shell', text } : null),
} satisfies Partial<ToolContext> as Partial<ToolContext> as ToolContext;
const expand = async (callId: string, page: number) =>
  await expandResultTool.execute({ callId, page }, context);

describe('expand_result', () => {
  test('gives a result back in pages that say where they are, and cuts no character', async () => {
    const first = await expand('call-1', 1);
    expect(first).toEqual({
      outcome: 'ok',
      output: `Result of shell (call call-1), page 1 of 2: characters 1-11999 of 12101. Ask for page 2 to go on.\n\n${'a'.repeat(11_999)}`,
    });
    expect(await expand('call-1', 2)).toEqual({
      outcome: 'ok',
      output: `Result of shell (call call-1), page 2 of 2: characters 12000-12101 of 12101.\n\n😀${'b'.repeat(100)}`,
    });
  });

  test('says what there is when a page or a call is not there', async () => {
    expect(await expand('call-1', 3)).toEqual({
      outcome: 'error',
      message: 'The result has 2 pages; there is no page 3.',
    });
    expect(await expand('call-2', 1)).toMatchObject({ outcome: 'error' });
  });
});
