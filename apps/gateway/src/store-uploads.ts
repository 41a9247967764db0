import { newId } from '@switchyard/protocol';
import type { Actor, Blobs } from '@switchyard/store';

/** A file as it came with a request. */
export interface Upload {
  /** As the client named it. */
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A file that lies in storage and has no row yet. */
export interface StoredUpload {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly objectKey: string;
}

/**
 * Puts the bytes of uploads into storage, one after the other. Rows come later, in the run's transaction: an object
 * without a row belongs to nobody and is found by its age. Rejects with AppError `unavailable`.
 */
export type StoreUploads = (actor: Actor, uploads: readonly Upload[]) => Promise<StoredUpload[]>;

/** Makes the way to storage; the bucket is made before the first upload, not at the start of every gateway. */
export function createUploadStore(blobs: Pick<Blobs, 'put' | 'ensureBucket'>): StoreUploads {
  let bucket: Promise<void> | null = null;

  async function ensureBucket(): Promise<void> {
    bucket ??= blobs.ensureBucket();
    try {
      await bucket;
    } catch (error) {
      bucket = null;
      throw error;
    }
  }

  return async (actor, uploads) => {
    if (uploads.length > 0) await ensureBucket();
    const stored: StoredUpload[] = [];
    for (const { name, mediaType, bytes } of uploads) {
      const objectKey = `${actor.accountId}/${newId()}`;
      await blobs.put({ key: objectKey, body: bytes, mediaType });
      stored.push({ name, mediaType, size: bytes.length, objectKey });
    }
    return stored;
  };
}
