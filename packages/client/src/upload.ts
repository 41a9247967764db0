/** A file that is sent; `name` is made safe by the server, never refused. A browser's `File` is one. */
export type Upload =
  | (Blob & { readonly name: string })
  | {
      readonly name: string;
      readonly content: Blob | Uint8Array<ArrayBuffer> | string;
      readonly mediaType?: string;
    };

/** What is sent of a file, under its media type. */
export function blobOf(upload: Upload): Blob {
  if (upload instanceof Blob) return upload;
  const { content, mediaType } = upload;
  if (content instanceof Blob && (mediaType === undefined || content.type === mediaType)) return content;
  return new Blob([content], mediaType === undefined ? {} : { type: mediaType });
}
