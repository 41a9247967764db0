import { newId } from '@switchyard/protocol';
import { type Actor, type Blobs, type Database, reserveObjects } from '@switchyard/store';

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
 * Puts the bytes of uploads into storage, one after the other. Their keys are remembered before, and their rows
 * come later, in the run's transaction: what never gets one is swept up. Rejects with AppError `unavailable`.
 */
export type StoreUploads = (actor: Actor, uploads: readonly Upload[]) => Promise<StoredUpload[]>;

/** Makes the way to storage; the bucket is made before the first upload, not at the start of every gateway. */
export function createUploadStore(sql: Database, blobs: Pick<Blobs, 'put' | 'ensureBucket'>): StoreUploads {
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
    if (uploads.length === 0) return [];
    await ensureBucket();
    const keyed = uploads.map((upload) => ({ ...upload, objectKey: `${actor.accountId}/${newId()}` }));
    await reserveObjects(
      sql,
      keyed.map(({ objectKey }) => objectKey),
    );
    for (const { bytes, mediaType, objectKey } of keyed) {
      await blobs.put({ key: objectKey, body: bytes, mediaType });
    }
    return keyed.map(({ bytes, ...upload }) => ({ ...upload, size: bytes.length }));
  };
}
