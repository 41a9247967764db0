import { isUtf8 } from 'node:buffer';

/** What a file's first bytes say it is. */
export type ContentKind =
  | { readonly kind: 'text' }
  /** `name` completes "It is …". */
  | { readonly kind: 'binary'; readonly name: string };

/** Signatures of formats that agents meet often; most others have a NUL byte early. */
const signatures: readonly (readonly [string, string])[] = [
  ['\u0089PNG', 'a PNG image'],
  ['\u00ff\u00d8\u00ff', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['RIFF', 'a RIFF file (WebP, WAV or AVI)'],
  ['%PDF-', 'a PDF document'],
  ['PK\u0003\u0004', 'a ZIP archive (also docx, xlsx, jar)'],
  ['\u001f\u008b', 'a gzip archive'],
  ['\u007fELF', 'an ELF program'],
  ['SQLite format 3\u0000', 'an SQLite database'],
  ['\u00ff\u00fe', 'UTF-16 text'],
  ['\u00fe\u00ff', 'UTF-16 text'],
];
/** How far git looks for a NUL byte to tell binary from text; a convention that people know. */
const probedBytes = 8000;

/** Tells text from binary by signature and by NUL bytes near the beginning. */
export function kindOfContent(bytes: Uint8Array): ContentKind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, probedBytes));
  const latin = head.toString('latin1');
  const known = signatures.find(([signature]) => latin.startsWith(signature));
  if (known) return { kind: 'binary', name: known[1] };
  return head.includes(0) ? { kind: 'binary', name: 'a binary file' } : { kind: 'text' };
}

export type TextEncoding = 'utf-8' | 'latin-1';

/** Text that is not valid UTF-8 is shown byte by byte, as Latin-1: nothing is lost and nothing fails. */
export function encodingOf(bytes: Uint8Array): TextEncoding {
  return isUtf8(bytes) ? 'utf-8' : 'latin-1';
}

export function decodeBytes(bytes: Uint8Array, encoding: TextEncoding): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(encoding === 'utf-8' ? 'utf8' : 'latin1');
}

export function encodeText(text: string, encoding: TextEncoding): Buffer {
  return Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'latin1');
}

/** Whether nothing of the text is lost in that encoding. */
export function isEncodable(text: string, encoding: TextEncoding): boolean {
  // oxlint-disable-next-line no-control-regex -- the whole range of Latin-1
  return encoding === 'utf-8' || /^[\u0000-\u00ff]*$/.test(text);
}

/** The length without the bytes of a UTF-8 character that a cut left incomplete at the end. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

export const byteOrderMark = '\ufeff';
