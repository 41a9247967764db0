import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The request is no multipart body of the expected shape. */
export class BadUploadError extends Error {}

const maxHeaderBytes = 16 * 1024;
const maxPathBytes = 8 * 1024;

type Part =
  | { readonly kind: 'path'; readonly index: string; text: string }
  | { readonly kind: 'file'; readonly file: FileHandle };

/**
 * Writes the files of a multipart upload as they arrive: fields `files[<n>].path` and `files[<n>].file`, the path
 * first. Memory stays at a few chunks, whatever the size.
 */
export async function receiveFiles(contentType: string, body: AsyncIterable<Buffer>): Promise<void> {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) throw new BadUploadError('The content type names no boundary.');
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const paths = new Map<string, string>();
  const current: { part: Part | null } = { part: null };
  // The first delimiter has no line break before it: with this one all of them look alike.
  let pending: Buffer = Buffer.from('\r\n');

  async function write(bytes: Buffer): Promise<void> {
    const { part } = current;
    if (!part || bytes.length === 0) return;
    if (part.kind === 'file') {
      for (let written = 0; written < bytes.length;) {
        written += (await part.file.write(bytes, written)).bytesWritten;
      }
      return;
    }
    part.text += bytes.toString('utf8');
    if (part.text.length > maxPathBytes) throw new BadUploadError('A path is too long.');
  }

  async function endPart(): Promise<void> {
    const { part } = current;
    if (part?.kind === 'path') paths.set(part.index, part.text);
    current.part = null;
    if (part?.kind === 'file') await part.file.close();
  }

  async function beginPart(header: string): Promise<Part> {
    const name = /name="files\[(\d+)\]\.(path|file)"/i.exec(header);
    const [index, kind] = [name?.[1], name?.[2]];
    if (index === undefined || kind === undefined) throw new BadUploadError('A part has an unknown name.');
    if (kind === 'path') return { kind: 'path', index, text: '' };
    const path = paths.get(index);
    if (path === undefined) throw new BadUploadError('A file comes before its path.');
    const absolutePath = resolve('/workspace', path);
    await mkdir(dirname(absolutePath), { recursive: true });
    return { kind: 'file', file: await open(absolutePath, 'w') };
  }

  try {
    for await (const chunk of body) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        const found = pending.indexOf(delimiter);
        if (found === -1) {
          // What may be the beginning of a delimiter waits for the next chunk.
          const certain = Math.max(0, pending.length - delimiter.length);
          await write(pending.subarray(0, certain));
          pending = pending.subarray(certain);
          break;
        }
        const headerStart = found + delimiter.length + 2;
        if (pending.length < headerStart) break;
        if (pending.toString('latin1', headerStart - 2, headerStart) === '--') {
          await write(pending.subarray(0, found));
          await endPart();
          return;
        }
        const headerEnd = pending.indexOf('\r\n\r\n', headerStart);
        if (headerEnd === -1) {
          if (pending.length - headerStart > maxHeaderBytes)
            throw new BadUploadError('A header is too long.');
          break;
        }
        await write(pending.subarray(0, found));
        await endPart();
        current.part = await beginPart(pending.toString('utf8', headerStart, headerEnd));
        pending = pending.subarray(headerEnd + 4);
      }
    }
    throw new BadUploadError('The body was cut.');
  } finally {
    if (current.part?.kind === 'file') await current.part.file.close();
  }
}
