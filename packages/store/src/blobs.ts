/** Where uploaded files lie: Supabase Storage, a private bucket. */
export interface Blobs {
  put(blob: {
    readonly key: string;
    readonly body: Uint8Array | ReadableStream<Uint8Array>;
    readonly mediaType: string;
  }): Promise<void>;
  read(key: string): Promise<ReadableStream<Uint8Array>>;
  signedUrl(key: string, options: { readonly expiresInS: number }): Promise<string>;
  /** Makes the bucket when it is absent. */
  ensureBucket(): Promise<void>;
}

export function createBlobs(_options: {
  readonly supabaseUrl: string;
  readonly secretKey: string;
  readonly bucket: string;
}): Blobs {
  throw new Error('not built yet');
}
