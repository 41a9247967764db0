import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from '../keep-json.ts';

const bucketSchema = z.object({
  id: z.string(),
  isPublic: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type StoredBucket = z.infer<typeof bucketSchema>;

const objectSchema = z.object({
  id: z.uuid(),
  key: z.string(),
  mediaType: z.string(),
  cacheControl: z.string(),
  size: z.number(),
  /** The name of the file with its bytes; a new one each time the object is replaced. */
  content: z.string(),
  updatedAt: z.string(),
});
export type StoredObject = z.infer<typeof objectSchema>;

export interface Objects {
  createBucket(id: string, isPublic: boolean): Promise<'created' | 'exists'>;
  findBucket(id: string): Promise<StoredBucket | null>;
  find(bucket: string, key: string): Promise<StoredObject | null>;
  read(bucket: string, object: StoredObject): Readable;
  /** Streams the body to the disk; the object is there once it is whole, or as it was before. */
  put(request: {
    readonly bucket: string;
    readonly key: string;
    readonly body: ReadableStream<Uint8Array> | null;
    readonly mediaType: string;
    readonly cacheControl: string;
    readonly isReplacing: boolean;
  }): Promise<StoredObject | 'exists'>;
  /** The object that was removed, or null when there is none. */
  remove(bucket: string, key: string): Promise<StoredObject | null>;
}

/**
 * Buckets and objects below a directory. No name from outside becomes a path: an object's files are named by the hash of
 * its key, a bucket's folder by the hash of its id.
 */
export function createObjects(directory: string): Objects {
  const folder = (bucket: string) => path.join(directory, hash(bucket));
  const recordPath = (bucket: string, key: string) => path.join(folder(bucket), `${hash(key)}.json`);

  const findBucket = async (id: string) => {
    const stored = await readPrivateJson(path.join(folder(id), 'bucket.json'));
    return stored === null ? null : bucketSchema.parse(stored);
  };
  const find = async (bucket: string, key: string) => {
    const stored = await readPrivateJson(recordPath(bucket, key));
    return stored === null ? null : objectSchema.parse(stored);
  };

  return {
    findBucket,
    find,
    async createBucket(id, isPublic) {
      if ((await findBucket(id)) !== null) return 'exists';
      const now = new Date().toISOString();
      await writePrivateJson(path.join(folder(id), 'bucket.json'), {
        id,
        isPublic,
        createdAt: now,
        updatedAt: now,
      } satisfies StoredBucket);
      return 'created';
    },
    async remove(bucket, key) {
      const object = await find(bucket, key);
      if (object === null) return null;
      await rm(recordPath(bucket, key), { force: true });
      await rm(path.join(folder(bucket), object.content), { force: true });
      return object;
    },
    read: (bucket, object) => createReadStream(path.join(folder(bucket), object.content)),
    async put({ bucket, key, body, mediaType, cacheControl, isReplacing }) {
      const previous = await find(bucket, key);
      if (previous !== null && !isReplacing) return 'exists';
      const content = randomUUID();
      const contentPath = path.join(folder(bucket), content);
      const unfinishedRecord = `${contentPath}.unfinished`;
      let isKept = false;
      try {
        await mkdir(folder(bucket), { recursive: true, mode: 0o700 });
        const target = createWriteStream(contentPath, { mode: 0o600, flags: 'wx' });
        await pipeline(body === null ? Readable.from([]) : Readable.fromWeb(body), target);
        const object: StoredObject = {
          id: randomUUID(),
          key,
          mediaType,
          cacheControl,
          size: target.bytesWritten,
          content,
          updatedAt: new Date().toISOString(),
        };
        await writeFile(unfinishedRecord, JSON.stringify(object), { mode: 0o600 });
        if (isReplacing) await rename(unfinishedRecord, recordPath(bucket, key));
        // A link, unlike a rename, is refused when somebody was faster.
        else if (!(await tryLink(unfinishedRecord, recordPath(bucket, key)))) return 'exists';
        isKept = true;
        if (previous !== null) await rm(path.join(folder(bucket), previous.content), { force: true });
        return object;
      } finally {
        await rm(unfinishedRecord, { force: true });
        if (!isKept) await rm(contentPath, { force: true });
      }
    },
  };
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
