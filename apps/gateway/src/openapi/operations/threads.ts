import {
  createThreadRequestSchema,
  messagesResponseSchema,
  runsResponseSchema,
  threadResponseSchema,
  threadsResponseSchema,
  updateThreadRequestSchema,
} from '@switchyard/protocol';
import { pageSchema, threadsQuerySchema } from '../../queries.ts';
import { json, type Operation } from '../operation.ts';

/** `/v1/threads`. */
export const threadOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/v1/threads',
    id: 'listThreads',
    tag: 'Threads',
    summary: 'List or search threads',
    query: threadsQuerySchema,
    answers: { 200: { description: 'The last active first.', content: json(threadsResponseSchema) } },
    problems: ['invalid_request'],
  },
  {
    method: 'POST',
    path: '/v1/threads',
    id: 'createThread',
    tag: 'Threads',
    summary: 'Make a thread',
    body: json(createThreadRequestSchema, { externalId: 'support-42', title: 'The order of May' }),
    answers: {
      201: {
        description: 'The thread.',
        content: json(threadResponseSchema),
        headers: ['Location', 'X-Thread-Id'],
      },
    },
    problems: ['invalid_request', 'not_found', 'conflict', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'GET',
    path: '/v1/threads/:threadId',
    id: 'getThread',
    tag: 'Threads',
    summary: 'Look at a thread',
    answers: { 200: { description: 'The thread.', content: json(threadResponseSchema) } },
    problems: ['not_found'],
  },
  {
    method: 'PATCH',
    path: '/v1/threads/:threadId',
    id: 'updateThread',
    tag: 'Threads',
    summary: 'Rename or archive a thread, or give it metadata',
    description: 'What is absent stays. A title of null takes it away; metadata is replaced as a whole.',
    body: json(updateThreadRequestSchema, { title: 'The order of June', archived: true }),
    answers: { 200: { description: 'The thread.', content: json(threadResponseSchema) } },
    problems: ['invalid_request', 'not_found', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'DELETE',
    path: '/v1/threads/:threadId',
    id: 'deleteThread',
    tag: 'Threads',
    summary: 'Delete a thread with all that was said in it',
    description:
      'What is at work in it is stopped. Files and the workspace are the project’s and stay. Who made the thread may, and an owner of the account.',
    answers: { 204: { description: 'It is gone.' } },
    problems: ['not_found', 'forbidden'],
  },
  {
    method: 'GET',
    path: '/v1/threads/:threadId/messages',
    id: 'listMessages',
    tag: 'Threads',
    summary: 'Read the messages of a thread',
    description:
      'The newest ones, oldest first, as UI messages of the AI SDK; with the run that is at work, so that one request is enough to show a thread and follow it.',
    query: pageSchema,
    answers: { 200: { description: 'A page.', content: json(messagesResponseSchema) } },
    problems: ['invalid_request', 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/threads/:threadId/runs',
    id: 'listRuns',
    tag: 'Threads',
    summary: 'List the runs of a thread',
    answers: { 200: { description: 'At most 200, newest first.', content: json(runsResponseSchema) } },
    problems: ['not_found'],
  },
];
