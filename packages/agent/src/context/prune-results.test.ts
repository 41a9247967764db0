import type { MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import type { ModelMessage } from 'ai';
import { describe, expect, it } from 'vitest';
import { lengthOf } from './estimate.ts';
import { lastPruned, nextBatch, pruneResults } from './prune-results.ts';

const step = (callId: string, value: string, kind: 'text' | 'error-text' = 'text'): ModelMessage[] => [
  { role: 'assistant', content: [{ type: 'tool-call', toolCallId: callId, toolName: 'echo', input: {} }] },
  {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: callId, toolName: 'echo', output: { type: kind, value } }],
  },
];
const long = 'x'.repeat(2000);
const steps = (count: number) =>
  Array.from({ length: count }, (_, index) => step(`c${index + 1}`, long)).flat();
const valuesOf = (messages: readonly ModelMessage[]) =>
  messages.flatMap((message) =>
    message.role === 'tool'
      ? message.content.map((part) =>
          part.type === 'tool-result' && 'value' in part.output ? part.output.value : null,
        )
      : [],
  );

describe('old results', () => {
  it('are left out up to the marked call, each call keeping a result that says how to get it back', () => {
    const pruned = pruneResults(steps(3), 'c2');
    expect(valuesOf(pruned)).toEqual([
      '[This result of echo was left out to save room. expand_result with callId "c1" gives it back.]',
      '[This result of echo was left out to save room. expand_result with callId "c2" gives it back.]',
      long,
    ]);
    expect(pruned).toHaveLength(6);
  });

  it('stay when no call is marked, or one that is not there', () => {
    expect(pruneResults(steps(3), null)).toEqual(steps(3));
    expect(pruneResults(steps(3), 'other')).toEqual(steps(3));
  });

  it('stay when they are short, and errors stay errors', () => {
    const messages = [...step('c1', 'short'), ...step('c2', long, 'error-text')];
    const [, , , last] = pruneResults(messages, 'c2');
    expect(valuesOf(pruneResults(messages, 'c2'))[0]).toBe('short');
    expect(last).toMatchObject({ content: [{ output: { type: 'error-text' } }] });
  });

  it('are promised back without their pictures, which are not kept as text', () => {
    const output = {
      type: 'content' as const,
      value: [
        { type: 'text' as const, text: long },
        { type: 'file' as const, mediaType: 'image/png', data: { type: 'data' as const, data: 'AAAA' } },
      ],
    };
    const content = [{ type: 'tool-result' as const, toolCallId: 'c1', toolName: 'draw', output }];
    expect(valuesOf(pruneResults([{ role: 'tool', content }], 'c1'))).toEqual([
      '[This result of draw was left out to save room. expand_result with callId "c1" gives its text back, without its pictures.]',
    ]);
  });

  it('are not changed by what comes after the mark, so that a provider can cache them', () => {
    const before = pruneResults(steps(6), 'c2');
    expect(pruneResults(steps(9), 'c2').slice(0, before.length)).toEqual(before);
  });
});

describe('the next batch', () => {
  it('is all but the results of the last four steps, and says what it saves', () => {
    const messages = steps(6);
    const batch = nextBatch(messages);
    expect(batch?.upToCallId).toBe('c2');
    expect(batch?.savedCharacters).toBe(lengthOf(messages) - lengthOf(pruneResults(messages, 'c2')));
  });

  it('is nothing when all that is old is short or left out already', () => {
    expect(nextBatch(steps(4))).toBeNull();
    expect(nextBatch(pruneResults(steps(6), 'c2'))).toBeNull();
  });
});

it('the mark that counts is the last one of the thread', () => {
  const mark = (upToCallId: string): MessagePart => ({
    type: 'data-pruned',
    id: upToCallId,
    data: { upToCallId },
  });
  const message = (...parts: MessagePart[]): SwitchyardMessage => ({ id: 'm', role: 'assistant', parts });
  expect(lastPruned([], [])).toBeNull();
  expect(lastPruned([message(mark('a')), message(mark('b'), mark('c')), message()], [])).toBe('c');
  expect(lastPruned([message(mark('a'))], [mark('d')])).toBe('d');
});
