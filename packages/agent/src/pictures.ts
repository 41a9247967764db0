import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { addAbortSignal } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Logger } from '@switchyard/process';
import { AppError, type SwitchyardMessage } from '@switchyard/protocol';
import type { FileRow } from '@switchyard/store';
import { attachedFile, type FileSource } from './attached-files.ts';

/** Of one picture: 5 MB as base64, which is what Anthropic's API takes; the other providers take more. */
const maxPictureBytes = 3.5 * 1024 * 1024;
/** Of all that one request carries, the newest first: each stays in this process's memory while its run goes on. Guesses. */
const maxBytesInAll = 12 * 1024 * 1024;
const maxPictures = 20;

/** Pictures as data URLs by the ids of their files. Never stored. */
export type PicturesById = ReadonlyMap<string, string>;

/** Reads the pictures that people attached, each once. */
export interface Pictures {
  /** Those of a conversation that fit into a request; what cannot be read, or is no picture, is left out. */
  of(messages: readonly SwitchyardMessage[]): Promise<PicturesById>;
}

export function createPictures({
  files,
  source,
  signal,
  logger,
}: {
  readonly files: readonly FileRow[];
  readonly source: FileSource;
  readonly signal: AbortSignal;
  readonly logger: Pick<Logger, 'warn'>;
}): Pictures {
  /** Null: there is no such blob, or it is no picture. */
  const read = new Map<string, string | null>();

  async function readOnce(row: FileRow): Promise<string | null> {
    const known = read.get(row.id);
    if (known !== undefined) return known;
    try {
      const content = Readable.fromWeb((await source.read(row.objectKey)) as ReadableStream);
      const bytes = await buffer(addAbortSignal(signal, content));
      const mediaType = pictureTypeOf(bytes);
      const url = mediaType && `data:${mediaType};base64,${bytes.toString('base64')}`;
      read.set(row.id, url);
      return url;
    } catch (error) {
      signal.throwIfAborted();
      // One that is gone stays gone; storage that does not answer is asked again at the next step.
      if (error instanceof AppError && error.code === 'not_found') read.set(row.id, null);
      else logger.warn({ fileId: row.id, error }, 'a picture could not be read');
      return null;
    }
  }

  return {
    async of(messages) {
      const chosen = choosePictures(messages, files);
      const urls = await Promise.all(chosen.map(async (row) => [row.id, await readOnce(row)] as const));
      return new Map(urls.flatMap(([id, url]) => (url === null ? [] : [[id, url] as const])));
    },
  };
}

/** From the newest back, as many as a request may carry. Pure: the same conversation always has the same. */
function choosePictures(messages: readonly SwitchyardMessage[], files: readonly FileRow[]): FileRow[] {
  const parts = messages.flatMap(({ role, parts: own }) => (role === 'user' ? own : []));
  const rows = parts.flatMap((part) => attachedFile(part, files) ?? []).toReversed();
  const chosen: FileRow[] = [];
  let bytes = 0;
  for (const row of new Set(rows)) {
    if (!row.mediaType.startsWith('image/') || row.size > maxPictureBytes) continue;
    bytes += row.size;
    if (bytes > maxBytesInAll || chosen.length === maxPictures) break;
    chosen.push(row);
  }
  return chosen;
}

/** What the bytes are, whatever their name says: a provider refuses the whole request for a picture that is none. */
function pictureTypeOf(bytes: Buffer): string | null {
  const startsWith = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text;
  if (startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (startsWith('GIF87a') || startsWith('GIF89a')) return 'image/gif';
  return startsWith('RIFF') && startsWith('WEBP', 8) ? 'image/webp' : null;
}
