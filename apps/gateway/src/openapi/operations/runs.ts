import {
  approvalRequestSchema,
  approvalResponseSchema,
  cancelResponseSchema,
  runResponseSchema,
  startRunRequestSchema,
  startRunResponseSchema,
  steeringRequestSchema,
  steeringResponseSchema,
  ticketResponseSchema,
} from '@switchyard/protocol';
import { z } from 'zod';
import { viewSchema, waitSchema } from '../../queries.ts';
import { json, type Operation, streamAnswer } from '../operation.ts';

const streamQuery = viewSchema.extend({
  after: z.string().optional().describe('As `Last-Event-ID`, for clients that cannot send a header.'),
  ticket: z.string().optional().describe('Stands in for `Authorization`.'),
});

/** `/v1/runs`. */
export const runOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/runs',
    id: 'startRun',
    tag: 'Runs',
    summary: 'Start a run',
    description:
      'Makes a thread and a project when none are named. Multipart sends `input` as text, other fields as JSON, and files as `files`.',
    headers: ['Idempotency-Key'],
    body: [
      ...json(startRunRequestSchema, { input: 'Say hello in a file.', stream: true }),
      {
        mediaType: 'multipart/form-data',
        schema: {
          type: 'object',
          properties: {
            input: { type: 'string' },
            files: {
              type: 'array',
              maxItems: 20,
              items: { type: 'string', contentMediaType: 'application/octet-stream' },
            },
          },
          required: ['input'],
        },
      },
    ],
    answers: {
      202: {
        description: 'The run waits for a worker. Follow it at `streamUrl`.',
        content: json(startRunResponseSchema),
        headers: ['Location', 'X-Run-Id', 'X-Thread-Id'],
      },
      200: { ...streamAnswer, description: 'With `stream: true`: the run’s events, from the first one.' },
    },
    problems: [
      'invalid_request',
      'unknown_model',
      'not_found',
      'run_active',
      'conflict',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_mismatch',
    ],
  },
  {
    method: 'GET',
    path: '/v1/runs/:id',
    id: 'getRun',
    tag: 'Runs',
    summary: 'Look at a run, or wait for its end',
    query: waitSchema,
    answers: {
      200: {
        description: 'The run, and its place in the queue while it waits.',
        content: json(runResponseSchema),
      },
    },
    problems: ['invalid_request', 'not_found'],
  },
  {
    method: 'GET',
    path: '/v1/runs/:id/stream',
    id: 'followRun',
    tag: 'Runs',
    summary: 'Follow a run',
    description:
      'From the beginning, or from after a cursor. A cursor that is not in the log gets everything anew, beginning with `start`. Made for EventSource, with a ticket in place of a header.',
    access: 'ticket',
    query: streamQuery,
    headers: ['Last-Event-ID'],
    answers: {
      200: streamAnswer,
      204: { description: 'The cursor is the run’s last event: there is nothing more, do not come again.' },
    },
    problems: ['rate_limited', 'bad_cursor', 'invalid_request', 'not_found'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:id/cancel',
    id: 'cancelRun',
    tag: 'Runs',
    summary: 'Stop a run',
    description:
      'Aborts the model’s answer and kills the command that runs. May be repeated; a run that has ended stays as it is.',
    answers: {
      200: {
        description: 'The receipt; `GET /v1/runs/:id` completes it.',
        content: json(cancelResponseSchema),
      },
    },
    problems: ['not_found'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:id/approvals/:approvalId',
    id: 'answerApproval',
    tag: 'Runs',
    summary: 'Answer a call that waits for consent',
    description:
      'The run goes on once every call that waits has its answer. The same answer may be given again; another one is refused, and any once the time for it is over.',
    body: json(approvalRequestSchema, { approved: false, reason: 'Not on a Friday.' }),
    answers: { 200: { description: 'The run after the answer.', content: json(approvalResponseSchema) } },
    problems: ['invalid_request', 'not_found', 'conflict', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:id/messages',
    id: 'correctRun',
    tag: 'Runs',
    summary: 'Correct a run that goes on',
    description:
      'The run reads it at its next step. One that comes too late is answered by a new run in the same thread; it is never lost.',
    body: json(steeringRequestSchema, { text: 'In French, please.' }),
    answers: {
      202: {
        description: 'Taken; `Location` is there when a new run reads it.',
        content: json(steeringResponseSchema),
      },
    },
    problems: ['invalid_request', 'not_found', 'conflict', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'POST',
    path: '/v1/runs/:id/tickets',
    id: 'createTicket',
    tag: 'Runs',
    summary: 'Make a ticket for a run’s stream',
    description: 'Whoever has it follows this run, and nothing else, until a while after the run’s end.',
    answers: { 201: { description: 'The ticket.', content: json(ticketResponseSchema) } },
    problems: ['not_found'],
  },
  {
    method: 'DELETE',
    path: '/v1/runs/:id/tickets',
    id: 'revokeTickets',
    tag: 'Runs',
    summary: 'Take all tickets of a run back',
    answers: { 204: { description: 'None is good any more.' } },
    problems: ['not_found'],
  },
];
