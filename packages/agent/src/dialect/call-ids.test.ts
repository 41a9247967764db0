import { describe, expect, it } from 'vitest';
import { shortCallIds } from './call-ids.ts';
import type { CallParams, PromptMessage } from './client.ts';

const step = (...ids: string[]): PromptMessage[] => [
  {
    role: 'assistant',
    content: ids.map((toolCallId) => ({ type: 'tool-call', toolCallId, toolName: 'echo', input: {} })),
  },
  {
    role: 'tool',
    content: ids.map((toolCallId) => ({
      type: 'tool-result',
      toolCallId,
      toolName: 'echo',
      output: { type: 'text', value: 'ok' },
    })),
  },
];
const idsOf = (params: CallParams) =>
  shortCallIds(params).prompt.flatMap(({ content }) =>
    typeof content === 'string'
      ? []
      : content.flatMap((part) => ('toolCallId' in part ? [part.toolCallId] : [])),
  );

describe('ids of calls for the chat wire', () => {
  const long = Array.from({ length: 500 }, (_, index) => `call_${index.toString(16).padStart(32, '0')}`);

  it('are nine letters and digits, as Mistral demands, alike for a call and its result', () => {
    const ids = idsOf({ prompt: step(...long) });
    expect(ids.slice(0, 500)).toEqual(ids.slice(500));
    expect(new Set(ids).size).toBe(500);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/);
  });

  it('stay the same in a longer conversation', () => {
    const [first = '', second = '', third = ''] = long;
    const before = idsOf({ prompt: step(first, second) });
    expect(idsOf({ prompt: [...step(first, second), ...step(third)] }).slice(0, 4)).toEqual(before);
  });
});
