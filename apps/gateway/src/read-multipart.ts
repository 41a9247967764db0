import type { IncomingMessage } from 'node:http';
import { AppError } from '@switchyard/protocol';
import { boundMultipart } from './bound-multipart.ts';
import type { Place } from './gate.ts';
import { limits } from './limits.ts';
import { mediaTypeOf, readBody, refuseEncodedBody } from './read-body.ts';
import type { Upload } from './store-uploads.ts';
import { type Fault, invalid, pointerOf } from './validate.ts';

/** Whether the body may hold files, and so much memory. */
export function isMultipart(incoming: IncomingMessage): boolean {
  return mediaTypeOf(incoming) === 'multipart/form-data';
}

/**
 * Reads multipart/form-data: text fields as they came, each once, and the files of the fields that take them, at most
 * `maxFiles`. Throws AppError `payload_too_large`, `invalid_request` or `unavailable`.
 */
export async function readMultipart(
  incoming: IncomingMessage,
  {
    fileFields,
    maxFiles,
    place,
  }: { readonly fileFields: readonly string[]; readonly maxFiles: number; readonly place: Place },
): Promise<{ readonly fields: Readonly<Record<string, string>>; readonly uploads: readonly Upload[] }> {
  refuseEncodedBody(incoming);
  const bytes = await readBody(incoming, {
    maxBytes: limits.multipartBytes,
    timeoutMs: limits.uploadTimeoutMs,
    place,
  });
  const contentType = incoming.headers['content-type'] ?? '';
  boundMultipart(bytes, { contentType, maxParts: maxFiles + limits.uploadFields });
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not multipart/form-data.', { cause });
  }

  const fields = new Map<string, string>();
  const uploads: Upload[] = [];
  const faults: Fault[] = [];
  const [fileField = ''] = fileFields;
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      if (fields.has(name)) faults.push({ pointer: pointerOf([name]), detail: 'Sent twice.' });
      else fields.set(name, value);
    } else if (fileFields.includes(name)) {
      uploads.push({
        name: value.name,
        mediaType: /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(value.type)
          ? value.type
          : 'application/octet-stream',
        bytes: new Uint8Array(await value.arrayBuffer()),
      });
    } else {
      faults.push({ pointer: pointerOf([name]), detail: `Files are sent as \`${fileField}\`.` });
    }
  }
  if (uploads.length > maxFiles) faults.push({ pointer: `/${fileField}`, detail: `At most ${maxFiles}.` });
  if (fields.size > limits.uploadFields) faults.push({ pointer: '', detail: 'Too many fields.' });
  if (faults.length > 0) throw invalid(faults);
  return { fields: Object.fromEntries(fields), uploads };
}
