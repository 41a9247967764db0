import type { MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findResult } from './stored-result.ts';
import { defineTool } from './tool.ts';
import { createToolset } from './toolset.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  inputSchema: z.object({}),
  effect: 'read',
  needs: 'nothing',
  execute: async () => ({ outcome: 'ok', output: {} }),
  modelOutput: () => [
    { type: 'text', text: 'Seen:' },
    { type: 'image', mediaType: 'image/png', base64: 'AAAA' },
  ],
});
const tools = createToolset([look]);
const part = (callId: string, rest: object, type = 'tool-other') =>
  ({ type, toolCallId: callId, input: {}, ...rest }) as MessagePart;
const message = (...parts: MessagePart[]): SwitchyardMessage => ({ id: 'm', role: 'assistant', parts });

describe('the result of an earlier call', () => {
  const sources = {
    history: [message(part('old', { state: 'output-available', output: { a: 1 } }))],
    before: [
      part('text', { state: 'output-available', output: 'plain' }),
      part('failed', { state: 'output-error', errorText: 'It broke.' }),
      part('seen', { state: 'output-available', output: {} }, 'tool-look'),
      part('open', { state: 'input-available' }),
    ],
    open: [
      { type: 'tool-input-available', toolCallId: 'now', toolName: 'echo', input: {} },
      { type: 'tool-output-available', toolCallId: 'now', output: 'just now' },
    ] as const,
  };
  it.each([
    ['old', { toolName: 'other', text: '{\n  "a": 1\n}' }],
    ['text', { toolName: 'other', text: 'plain' }],
    ['failed', { toolName: 'other', text: 'It broke.' }],
    ['seen', { toolName: 'look', text: 'Seen:\n[picture]' }],
    ['now', { toolName: 'echo', text: 'just now' }],
    ['open', null],
    ['unknown', null],
  ])('%s', (callId, result) => {
    expect(findResult(sources, { callId, tools })).toEqual(result);
  });
});
