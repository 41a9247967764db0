import type { IncomingMessage } from 'node:http';
import { AppError, startRunRequestSchema } from '@switchyard/protocol';
import type { Place } from './gate.ts';
import { limits } from './limits.ts';
import { mediaTypeOf, readJson } from './read-body.ts';
import { readMultipart } from './read-multipart.ts';
import { idempotencyKeyOf, type RunRequest } from './start-run.ts';
import { validate } from './validate.ts';

/**
 * Reads the body of `POST /v1/runs`: JSON, or multipart with `input` as text, the other fields as JSON and files as
 * `files` or `files[]`. Throws AppError `unsupported_media_type`, `payload_too_large`, `invalid_request` or
 * `unavailable`.
 */
export async function readRunRequest(incoming: IncomingMessage, place: Place): Promise<RunRequest> {
  const idempotencyKey = idempotencyKeyOf(headerOf(incoming, 'idempotency-key'));
  switch (mediaTypeOf(incoming)) {
    case 'application/json': {
      const value = await readJson(incoming, { maxBytes: limits.jsonBytes, timeoutMs: limits.bodyTimeoutMs });
      return { body: validate(startRunRequestSchema, value), uploads: [], idempotencyKey };
    }
    case 'multipart/form-data': {
      const { fields, uploads } = await readMultipart(incoming, {
        fileFields: ['files', 'files[]'],
        maxFiles: limits.uploadFiles,
        place,
      });
      const values = Object.entries(fields).map(([name, value]) => [name, fieldOf(name, value)]);
      return { body: validate(startRunRequestSchema, Object.fromEntries(values)), uploads, idempotencyKey };
    }
    default:
      throw new AppError(
        'unsupported_media_type',
        'Send the body as application/json or multipart/form-data.',
      );
  }
}

const textFields: ReadonlySet<string> = new Set(['threadId', 'projectId', 'model', 'instructions']);

/**
 * `input` is text; another field is JSON, and what is no JSON is taken as it is (`-F model=gpt-5`), as is what would
 * not be text though the field is (`-F threadId=42`).
 */
function fieldOf(name: string, value: string): unknown {
  if (name === 'input') return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return textFields.has(name) && typeof parsed !== 'string' ? value : parsed;
  } catch {
    return value;
  }
}

function headerOf(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
