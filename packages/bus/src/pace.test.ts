import { expect, test } from 'vitest';
import type { Chunk } from '@switchyard/protocol';
import { paceOf } from './pace.ts';

test.for<[string, Chunk]>([
  ['now', { type: 'tool-input-start', toolCallId: 'c', toolName: 'shell' }],
  ['now', { type: 'tool-input-available', toolCallId: 'c', toolName: 'shell', input: {} }],
  ['now', { type: 'tool-output-available', toolCallId: 'c', output: 'ok' }],
  ['now', { type: 'tool-output-error', toolCallId: 'c', errorText: 'no' }],
  ['now', { type: 'data-todo', id: 't', data: { todos: [] } }],
  ['now', { type: 'reset-step' }],
  ['now', { type: 'finish', finishReason: 'stop' }],
  ['now', { type: 'abort' }],
  ['now', { type: 'error', errorText: 'no' }],
  ['delta', { type: 'text-delta', id: 't', delta: 'a' }],
  ['delta', { type: 'reasoning-delta', id: 't', delta: 'a' }],
  ['delta', { type: 'tool-input-delta', toolCallId: 'c', inputTextDelta: 'a' }],
  ['frame', { type: 'start-step' }],
  ['frame', { type: 'finish-step' }],
  ['frame', { type: 'text-end', id: 't' }],
])('"%s" is how long %o may wait', ([pace, chunk]) => {
  expect(paceOf(chunk)).toBe(pace);
});
