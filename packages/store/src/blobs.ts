import { AppError } from '@switchyard/protocol';
import { createClient } from '@supabase/supabase-js';

/** Where uploaded files lie: a private bucket of Supabase Storage. Each method throws `unavailable` when it fails. */
export interface Blobs {
  /** Throws `conflict`: a key is never written twice. */
  put(blob: {
    readonly key: string;
    readonly body: Uint8Array | ReadableStream<Uint8Array>;
    readonly mediaType: string;
  }): Promise<void>;
  /** Throws `not_found`. */
  read(key: string): Promise<ReadableStream<Uint8Array>>;
  /** A capability: whoever holds the url reads the blob, as an attachment of this name, until it expires. */
  signedUrl(
    key: string,
    options: { readonly expiresInS: number; readonly fileName: string },
  ): Promise<string>;
  /** What is not there is no error. */
  remove(keys: readonly string[]): Promise<void>;
  /** Makes the bucket when it is absent. */
  ensureBucket(): Promise<void>;
}

/** How long storage may take to begin its answer. Guess: an upload of our largest file on a slow line. */
const deadlineMs = 60_000;

/** What storage removes in one request. */
const maxRemoved = 1000;

/** `secretKey` reaches storage past its policies: it stays on the server. */
export function createBlobs({
  supabaseUrl,
  secretKey,
  bucket,
}: {
  readonly supabaseUrl: string;
  readonly secretKey: string;
  readonly bucket: string;
}): Blobs {
  const { storage } = createClient(supabaseUrl, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: fetchWithDeadline },
  });
  return {
    async put({ key, body, mediaType }) {
      const { error } = await storage
        .from(bucket)
        .upload(key, body, { contentType: mediaType, upsert: false, duplex: 'half' });
      if (error) throw storageError(error);
    },
    async read(key) {
      const { data, error } = await storage.from(bucket).download(key).asStream();
      if (error) throw storageError(error);
      return data;
    },
    async signedUrl(key, { expiresInS, fileName }) {
      const { data, error } = await storage.from(bucket).createSignedUrl(key, expiresInS);
      if (error) throw storageError(error);
      const url = new URL(data.signedUrl);
      // Not by the SDK's own option, which encodes the name twice.
      url.searchParams.set('download', fileName);
      return url.href;
    },
    async remove(keys) {
      for (let start = 0; start < keys.length; start += maxRemoved) {
        const { error } = await storage.from(bucket).remove(keys.slice(start, start + maxRemoved));
        if (error) throw storageError(error);
      }
    },
    async ensureBucket() {
      const { error } = await storage.createBucket(bucket, { public: false });
      if (error && !isStatus(error, 409) && !/exist/i.test(error.message)) throw storageError(error);
    },
  };
}

/** The time to the answer's head; a body may then take as long as its reader. */
async function fetchWithDeadline(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error('storage did not answer in time')), deadlineMs);
  const signals = init?.signal ? [init.signal, abort.signal] : [abort.signal];
  try {
    return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
}

function storageError(error: Error): AppError {
  if (isStatus(error, 409)) return new AppError('conflict', 'The file exists already.', { cause: error });
  if (isStatus(error, 404)) return new AppError('not_found', 'The file does not exist.', { cause: error });
  return new AppError('unavailable', 'File storage does not answer. Try again soon.', { cause: error });
}

/** Storage answers some of its refusals as 400 with the real status inside. */
function isStatus(error: Error, status: number): boolean {
  return ['status', 'statusCode'].some(
    (name) => name in error && Number(Reflect.get(error, name)) === status,
  );
}
