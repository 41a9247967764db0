import { describe, expect, it } from 'vitest';
import type { CallParams, PromptMessage } from './client.ts';
import { droppedReasoning, followedThinking, sealedReasoning, thinkingAllowed } from './reasoning.ts';

type Part = Extract<PromptMessage, { role: 'assistant' }>['content'][number];
const call: Part = { type: 'tool-call', toolCallId: 'c', toolName: 'echo', input: {} };
const thought = (text: string, providerOptions: NonNullable<Part['providerOptions']> = {}): Part => ({
  type: 'reasoning',
  text,
  providerOptions,
});
const params = (...content: Part[]): CallParams => ({
  prompt: [
    { role: 'user', content: [{ type: 'text', text: 'hi' }] },
    { role: 'assistant', content },
  ],
  providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
});
const textsOf = ({ prompt }: CallParams) =>
  prompt.flatMap((message) =>
    message.role === 'assistant'
      ? message.content.map((part) => (part.type === 'reasoning' ? part.text : part.type))
      : [],
  );

describe('reasoning that goes back', () => {
  it('is left out for servers that do not take it, and so is an answer that had nothing else', () => {
    expect(textsOf(droppedReasoning(params(thought('a'), call)))).toEqual(['tool-call']);
    expect(droppedReasoning(params(thought('a'))).prompt).toHaveLength(1);
  });

  it('goes to OpenAI sealed, with all parts of its item, and in front of what it led to', () => {
    const part = (text: string, itemId: string, seal: string | null) =>
      thought(text, { openai: { itemId, reasoningEncryptedContent: seal } });
    const whole = [part('a', 'rs_1', null), part('b', 'rs_1', 'seal')];
    expect(textsOf(sealedReasoning(params(...whole, call)))).toEqual(['a', 'b', 'tool-call']);
    expect(textsOf(sealedReasoning(params(part('cut', 'rs_2', null), call)))).toEqual(['tool-call']);
    expect(textsOf(sealedReasoning(params(call, ...whole)))).toEqual(['tool-call']);
  });

  it('goes to Anthropic with something behind it alone, and an answer that had nothing else not at all', () => {
    const signed = (text: string) => thought(text, { anthropic: { signature: 's' } });
    expect(textsOf(followedThinking(params(signed('a'), call, signed('b'))))).toEqual(['a', 'tool-call']);
    expect(followedThinking(params(signed('a'))).prompt).toHaveLength(1);
  });

  it('is not asked of Anthropic after calls that another model made', () => {
    const modeOf = (...parts: Part[]) =>
      thinkingAllowed(params(...parts)).providerOptions?.['anthropic']?.['thinking'];
    expect(modeOf(call)).toEqual({ type: 'disabled' });
    expect(modeOf(thought('foreign'), call)).toEqual({ type: 'disabled' });
    expect(modeOf(thought('a', { anthropic: { signature: 's' } }), call)).toMatchObject({ type: 'enabled' });
    expect(modeOf({ type: 'text', text: 'Done.' })).toMatchObject({ type: 'enabled' });
  });
});
