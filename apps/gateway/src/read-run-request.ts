import type { IncomingMessage } from 'node:http';
import { AppError, startRunRequestSchema } from '@switchyard/protocol';
import { limits } from './limits.ts';
import { mediaTypeOf, readBody, readJson, refuseEncodedBody } from './read-body.ts';
import { idempotencyKeyOf, type RunRequest } from './start-run.ts';
import type { Upload } from './store-uploads.ts';
import { type Fault, invalid, validate } from './validate.ts';

/**
 * Reads the body of `POST /v1/runs`: JSON, or multipart with `input` as text, the other fields as JSON and files as
 * `files` or `files[]`. Throws AppError `unsupported_media_type`, `payload_too_large` or `invalid_request`.
 */
export async function readRunRequest(incoming: IncomingMessage): Promise<RunRequest> {
  const idempotencyKey = idempotencyKeyOf(headerOf(incoming, 'idempotency-key'));
  switch (mediaTypeOf(incoming)) {
    case 'application/json': {
      const value = await readJson(incoming, { maxBytes: limits.jsonBytes, timeoutMs: limits.bodyTimeoutMs });
      return { body: validate(startRunRequestSchema, value), uploads: [], idempotencyKey };
    }
    case 'multipart/form-data': {
      const { fields, uploads } = await readMultipart(incoming);
      return { body: validate(startRunRequestSchema, fields), uploads, idempotencyKey };
    }
    default:
      throw new AppError(
        'unsupported_media_type',
        'Send the body as application/json or multipart/form-data.',
      );
  }
}

/** Whether the body may hold files, and so much memory. */
export function isMultipart(incoming: IncomingMessage): boolean {
  return mediaTypeOf(incoming) === 'multipart/form-data';
}

async function readMultipart(
  incoming: IncomingMessage,
): Promise<{ readonly fields: Readonly<Record<string, unknown>>; readonly uploads: readonly Upload[] }> {
  refuseEncodedBody(incoming);
  const bytes = await readBody(incoming, {
    maxBytes: limits.multipartBytes,
    timeoutMs: limits.uploadTimeoutMs,
  });
  let form: FormData;
  try {
    const headers = { 'content-type': headerOf(incoming, 'content-type') ?? '' };
    form = await new Response(bytes, { headers }).formData();
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not multipart/form-data.', { cause });
  }

  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const uploads: Upload[] = [];
  const faults: Fault[] = [];
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      if (name in fields) faults.push({ pointer: `/${name}`, detail: 'Sent twice.' });
      else fields[name] = fieldOf(name, value);
    } else if (name === 'files' || name === 'files[]') {
      uploads.push({
        name: value.name,
        mediaType: /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(value.type)
          ? value.type
          : 'application/octet-stream',
        bytes: new Uint8Array(await value.arrayBuffer()),
      });
    } else {
      faults.push({ pointer: `/${name}`, detail: 'Files are sent as `files`.' });
    }
  }
  if (uploads.length > limits.uploadFiles)
    faults.push({ pointer: '/files', detail: `At most ${limits.uploadFiles}.` });
  if (Object.keys(fields).length > limits.uploadFields)
    faults.push({ pointer: '', detail: 'Too many fields.' });
  if (faults.length > 0) throw invalid(faults);
  return { fields: { ...fields }, uploads };
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
