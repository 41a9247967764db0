import type { HeaderName, JsonSchema } from './operation.ts';

interface HeaderText {
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example?: string;
}

const text: JsonSchema = { type: 'string' };

/** What the headers of answers say. */
export const responseHeaders: Readonly<Record<HeaderName, HeaderText>> = {
  'Accept-Ranges': { description: 'Always `bytes`.', schema: { const: 'bytes' } },
  Allow: { description: 'The methods that the route takes.', schema: text, example: 'GET, HEAD, OPTIONS' },
  'Cache-Control': { description: 'Nothing is kept on the way.', schema: text },
  'Content-Disposition': {
    description: 'An attachment under the file’s name (RFC 6266).',
    schema: text,
  },
  'Content-Range': {
    description: 'Which bytes these are, of how many.',
    schema: text,
    example: 'bytes 0-99/1234',
  },
  ETag: { description: 'Names this content of the file.', schema: text },
  Location: { description: 'The address of what was made, or of where to go on.', schema: text },
  RateLimit: {
    description: 'What is left of the account’s writing requests, and in how many seconds it is renewed.',
    schema: text,
    example: '"writes";r=117;t=42',
  },
  'RateLimit-Policy': {
    description: 'How many writing requests an account has, and in how many seconds.',
    schema: text,
    example: '"writes";q=120;w=60',
  },
  'Retry-After': { description: 'Seconds to wait before the next attempt.', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'Always `Bearer`.', schema: text, example: 'Bearer' },
  'X-Request-Id': {
    description: 'Names this request in our log.',
    schema: { type: 'string', format: 'uuid' },
  },
  'X-Run-Id': { description: 'The run, known before the first byte of the body.', schema: text },
  'X-Thread-Id': { description: 'Its thread.', schema: text },
  'X-Vercel-AI-UI-Message-Stream': { description: 'Always `v1`.', schema: { const: 'v1' } },
};

/** What the headers of requests say. */
export const requestHeaders = {
  'Idempotency-Key': {
    description:
      'A name of yours for this request, 1 to 255 printable ASCII characters without spaces. Sent again with the same body it answers what the first one made; with another body it is refused.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  'Last-Event-ID': {
    description: 'The `id:` of the last event that you have; it wins over `?after=`.',
    schema: { type: 'string', pattern: '^[1-9]\\d{0,14}-[1-9]\\d{0,14}$' },
  },
  Range: {
    description: 'One range of bytes; several are answered with the whole file.',
    schema: text,
    example: 'bytes=0-99',
  },
  'If-Range': {
    description: 'The `ETag` that the file must still have for the range to hold; else all of it comes.',
    schema: text,
  },
} as const satisfies Readonly<Record<string, HeaderText>>;
