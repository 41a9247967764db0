import { chatRequestSchema, stopResponseSchema } from '@switchyard/protocol';
import { json, type Operation, streamAnswer } from '../operation.ts';

/** `/v1/chat`. */
export const chatOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/chat',
    id: 'chat',
    tag: 'Chat',
    summary: 'Send what useChat sends',
    description:
      'Only the last message is read: history is ours. An unknown `id` makes a thread with that externalId; a message that is sent again joins its run, a changed one replaces what followed it. Unknown fields are ignored. The stream ends where a run waits for a person.',
    body: json(chatRequestSchema, {
      id: 'a1B2c3D4e5F6g7H8',
      trigger: 'submit-message',
      messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello!' }] }],
    }),
    answers: { 200: streamAnswer },
    problems: [
      'invalid_request',
      'unknown_model',
      'not_found',
      'run_active',
      'conflict',
      'payload_too_large',
      'unsupported_media_type',
    ],
  },
  {
    method: 'GET',
    path: '/v1/chat/:threadId/stream',
    id: 'resumeChat',
    tag: 'Chat',
    summary: 'Join the run of a chat again',
    answers: {
      200: streamAnswer,
      204: { description: 'Nothing is at work, nothing ended a moment ago, or there is no such thread.' },
    },
    problems: ['not_found', 'rate_limited'],
  },
  {
    method: 'POST',
    path: '/v1/chat/:threadId/stop',
    id: 'stopChat',
    tag: 'Chat',
    summary: 'Stop what a chat is at',
    answers: {
      200: {
        description: 'The run and the receipt; null when the thread never had a run.',
        content: json(stopResponseSchema),
      },
    },
    problems: ['not_found'],
  },
];
