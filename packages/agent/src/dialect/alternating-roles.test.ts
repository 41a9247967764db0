import { describe, expect, it } from 'vitest';
import { alternatingRoles } from './alternating-roles.ts';
import type { PromptMessage } from './client.ts';

const user = (...texts: string[]): PromptMessage => ({
  role: 'user',
  content: texts.map((text) => ({ type: 'text', text })),
});
const picture: PromptMessage = {
  role: 'user',
  content: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'AAAA' } }],
};
const said = (text: string): PromptMessage => ({ role: 'assistant', content: [{ type: 'text', text }] });
const thought = (text: string): PromptMessage => ({
  role: 'assistant',
  content: [{ type: 'reasoning', text }],
});
const call: PromptMessage = {
  role: 'assistant',
  content: [{ type: 'tool-call', toolCallId: 'c', toolName: 'echo', input: {} }],
};
const result: PromptMessage = {
  role: 'tool',
  content: [
    { type: 'tool-result', toolCallId: 'c', toolName: 'echo', output: { type: 'text', value: 'ok' } },
  ],
};
const rolesOf = (...prompt: PromptMessage[]) => alternatingRoles({ prompt }).prompt.map(({ role }) => role);
const contentOf = (...prompt: PromptMessage[]) =>
  alternatingRoles({ prompt }).prompt.map(({ content }) => content);

describe('messages of one role that follow each other', () => {
  it('are one, so that roles alternate', () => {
    expect(rolesOf(user('a'), user('b'), said('c'), said('d'), user('e'))).toEqual([
      'user',
      'assistant',
      'user',
    ]);
  });

  it('keep their texts apart, pictures between them or not', () => {
    expect(contentOf(user('a', 'b'), user('c'))).toEqual([[{ type: 'text', text: 'a\n\nb\n\nc' }]]);
    const [content] = contentOf(user('a'), picture, user('b'));
    expect(content).toMatchObject([{ text: 'a' }, { type: 'file' }, { text: 'b' }]);
  });

  it('keep texts and thoughts of an answer apart, which the client only puts one behind the other', () => {
    expect(contentOf(thought('a'), said('b'), call, result)).toMatchObject([
      [{ text: 'a' }, { text: 'b' }, { type: 'tool-call' }],
      [{ type: 'tool-result' }],
    ]);
    expect(contentOf(said('a'), thought('b'), thought('c'), said('d'))).toEqual([
      [
        { type: 'text', text: 'a' },
        { type: 'reasoning', text: 'b' },
        { type: 'reasoning', text: '\n\nc' },
        { type: 'text', text: '\n\nd' },
      ],
    ]);
  });

  it('stay as they are where results stand between, or a call has none', () => {
    expect(rolesOf(call, result, result, call, result)).toEqual([
      'assistant',
      'tool',
      'tool',
      'assistant',
      'tool',
    ]);
    expect(rolesOf(call, said('a'))).toEqual(['assistant', 'assistant']);
    const single = user('a', 'b');
    expect(alternatingRoles({ prompt: [single] }).prompt).toEqual([single]);
  });
});
