import type { ErrorCode } from '@switchyard/protocol';
import type { z } from 'zod';
import type { requestHeaders } from './headers.ts';

/** A schema of JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type HeaderName =
  | 'Accept-Ranges'
  | 'Allow'
  | 'Cache-Control'
  | 'Content-Disposition'
  | 'Content-Range'
  | 'ETag'
  | 'Location'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'X-Request-Id'
  | 'X-Run-Id'
  | 'X-Thread-Id'
  | 'X-Vercel-AI-UI-Message-Stream';

/** What travels under one media type. A zod schema must be one of `namedSchemas`. */
export interface Content {
  readonly mediaType: string;
  readonly schema: z.ZodType | JsonSchema;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  readonly content?: readonly Content[];
  /** Those that are always there, beside `X-Request-Id` and those on writing. */
  readonly headers?: readonly HeaderName[];
}

/** One route of the gateway as the document describes it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As the router has it: `/v1/threads/:threadId`. */
  readonly path: string;
  /** Unique; a verb and a noun. */
  readonly id: string;
  readonly tag: 'Runs' | 'Chat' | 'Threads' | 'Projects' | 'Files' | 'Account' | 'About';
  readonly summary: string;
  readonly description?: string;
  /** Who is let in; `bearer` when absent. */
  readonly access?: 'bearer' | 'ticket' | 'public';
  readonly query?: z.ZodObject;
  readonly headers?: readonly (keyof typeof requestHeaders)[];
  readonly body?: readonly Content[];
  readonly answers: Readonly<Record<number, Answer>>;
  /** Beside those that any route of its kind may answer. */
  readonly problems: readonly ErrorCode[];
}

/** An answer or a body of JSON. */
export function json(schema: z.ZodType | JsonSchema, example?: unknown): Content[] {
  return [{ mediaType: 'application/json', schema, ...(example === undefined ? {} : { example }) }];
}

/** A stream of UI message chunks. */
export const eventStream: Content = {
  mediaType: 'text/event-stream',
  schema: {
    type: 'string',
    description:
      'One UI message chunk of the AI SDK (version 1 of the UI message stream) a frame, as JSON in `data:`. Frames of the run’s log have an `id:`, which a client sends as `Last-Event-ID` to go on where it was; lines that begin with a colon say only that the stream lives. The last frame is `data: [DONE]`. A stream that breaks off without it is not over: connect again.',
  },
  example: [
    'id: 1-1\ndata: {"type":"start","messageId":"0199…"}',
    'id: 1-4\ndata: {"type":"text-delta","id":"text-1","delta":"Hello"}',
    'id: 1-9\ndata: {"type":"finish","finishReason":"stop"}',
    'data: [DONE]',
    '',
  ].join('\n\n'),
};

/** What an answer with such a stream has. */
export const streamAnswer: Answer = {
  description: 'The run’s events, each once and in order, to its end.',
  content: [eventStream],
  headers: ['Cache-Control', 'X-Run-Id', 'X-Thread-Id', 'X-Vercel-AI-UI-Message-Stream'],
};
