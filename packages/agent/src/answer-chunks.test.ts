import type { TextStreamPart, ToolSet } from 'ai';
import { describe, expect, it } from 'vitest';
import { createAnswerChunks } from './answer-chunks.ts';

type Part = TextStreamPart<ToolSet>;

function answer() {
  return createAnswerChunks({ attempt: '2.1', knownTools: new Set(['echo', 'look']) });
}

const delta = (text: string): Part => ({ type: 'text-delta', id: 'txt-0', text });
const inputStart = (id: string, toolName = 'echo'): Part => ({ type: 'tool-input-start', id, toolName });
const call = (toolCallId: string, rest: object = {}): Part => ({
  type: 'tool-call',
  toolCallId,
  toolName: 'echo',
  input: { a: 1 },
  ...rest,
});

describe('the chunks of an answer', () => {
  it('leave out what the loop writes itself', () => {
    const chunks = answer();
    const parts: Part[] = [
      { type: 'start' },
      { type: 'abort' },
      { type: 'error', error: new Error('x') },
      { type: 'raw', rawValue: {} },
    ];
    expect(parts.flatMap((part) => chunks.convert(part))).toEqual([]);
  });

  it('have part ids of the attempt and call ids that nobody else has', () => {
    const chunks = answer();
    const [first] = chunks.convert({ type: 'text-start', id: 'txt-0' });
    expect(first).toEqual({ type: 'text-start', id: 'text-2.1-1' });
    const ids = ['same', 'same'].flatMap((id) => [
      ...chunks.convert(inputStart(id)),
      ...chunks.convert(call(id)),
    ]);
    const [a, b, c, d] = ids.map((chunk) => ('toolCallId' in chunk ? chunk.toolCallId : ''));
    expect(a).toMatch(/^call_[0-9a-f]{32}$/);
    expect([a, c]).toEqual([b, d]);
    expect(a).not.toBe(c);
  });

  it('hold half a character back until its other half comes', () => {
    const chunks = answer();
    chunks.convert({ type: 'text-start', id: 'txt-0' });
    const deltas = ['a\ud83d', '\ude00b', '\u0000', '\ud83d', 'c'].flatMap((text) =>
      chunks.convert(delta(text)),
    );
    expect(deltas.map((chunk) => ('delta' in chunk ? chunk.delta : ''))).toEqual(['a', '😀b', '\ufffdc']);
  });

  it('show an invalid call with its input and a short error', () => {
    const chunks = answer();
    const error = new Error('long', { cause: new SyntaxError('at 3') });
    const shown = chunks.convert(call('x', { invalid: true, dynamic: true, error, input: 'y'.repeat(5000) }));
    expect(shown.map(({ type }) => type)).toEqual(['tool-input-available', 'tool-output-error']);
    expect(shown[0]).not.toHaveProperty('dynamic');
    expect(shown[1]).toMatchObject({
      errorText: 'The arguments of "echo" are not valid, so it was not run. They are not JSON.',
    });
    expect(chunks.calls).toMatchObject([{ toolName: 'echo', problem: expect.any(String) }]);
  });

  it('show a call of an unknown tool as a dynamic one, and name the tools', () => {
    const chunks = answer();
    const shown = [
      ...chunks.convert(inputStart('x', 'fly')),
      ...chunks.convert(call('x', { toolName: 'fly', invalid: true, error: new Error('none') })),
    ];
    expect(shown.every((chunk) => 'dynamic' in chunk && chunk.dynamic)).toBe(true);
    expect(shown.at(-1)).toMatchObject({ errorText: 'There is no tool "fly". The tools are: echo, look.' });
  });

  it('close a call whose arguments never ended', () => {
    const chunks = answer();
    chunks.convert(inputStart('x'));
    chunks.convert({ type: 'tool-input-delta', id: 'x', delta: '{"a' });
    expect(chunks.finish()).toMatchObject([
      { type: 'tool-input-available', input: {} },
      { type: 'tool-output-error', errorText: expect.stringContaining('cut off') },
    ]);
    expect(chunks.writtenLength).toBe(3);
  });
});
