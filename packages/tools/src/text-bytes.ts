import { isUtf8 } from 'node:buffer';

/** What a file's first bytes say it is. */
export type ContentKind =
  | { readonly kind: 'text' }
  /** `name` completes "It is …"; `advice` is a sentence that says what can be done with it. */
  | { readonly kind: 'binary'; readonly name: string; readonly advice: string };

const imageAdvice =
  'Look at it with a tool that shows pictures, if there is one, or find out about it with a script in shell.';
const anyAdvice =
  'Inspect it with a command of shell, for example file, strings or xxd | head, or convert it to text first.';
const archiveAdvice = (command: string) => `List or unpack it in shell, for example with ${command}.`;

/** Signatures of formats that agents meet often; most others have a NUL byte early. */
const signatures: readonly (readonly [signature: string | RegExp, name: string, advice: string])[] = [
  ['\u0089PNG', 'a PNG image', imageAdvice],
  ['\u00ff\u00d8\u00ff', 'a JPEG image', imageAdvice],
  [/^GIF8[79]a/, 'a GIF image', imageAdvice],
  [/^RIFF....WEBP/s, 'a WebP image', imageAdvice],
  [/^BM....\0{4}/s, 'a BMP image', imageAdvice],
  ['II*\0', 'a TIFF image', imageAdvice],
  ['MM\0*', 'a TIFF image', imageAdvice],
  [/^....ftypavif/s, 'an AVIF image', imageAdvice],
  [/^RIFF....(?:WAVE|AVI )/s, 'a WAV or AVI file', anyAdvice],
  ['%PDF-', 'a PDF document', 'Convert it to text in shell, for example with pdftotext or a Python library.'],
  [
    'PK\u0003\u0004',
    'a ZIP archive (also docx, xlsx, jar)',
    archiveAdvice('unzip -l or python3 -m zipfile -l'),
  ],
  ['\u001f\u008b', 'a gzip archive', archiveAdvice('zcat or tar -tzf')],
  [/^BZh[1-9]1AY/, 'a bzip2 archive', archiveAdvice('bzcat or tar -tjf')],
  ['\u00fd7zXZ', 'an XZ archive', archiveAdvice('xzcat or tar -tJf')],
  ['\u0028\u00b5\u002f\u00fd', 'a Zstandard archive', archiveAdvice('zstdcat')],
  ['\u007fELF', 'an ELF program', anyAdvice],
  [
    'SQLite format 3\u0000',
    'an SQLite database',
    'Query it in shell, for example with sqlite3 or the module sqlite3 of Python.',
  ],
  ['\u00ff\u00fe', 'UTF-16 text', 'Convert it to UTF-8 in shell first: iconv -f UTF-16 -t UTF-8.'],
  ['\u00fe\u00ff', 'UTF-16 text', 'Convert it to UTF-8 in shell first: iconv -f UTF-16 -t UTF-8.'],
];
/** How far git looks for a NUL byte to tell binary from text; a convention that people know. */
const probedBytes = 8000;

/** Tells text from binary by signature and by NUL bytes near the beginning. */
export function kindOfContent(bytes: Uint8Array): ContentKind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, probedBytes));
  const latin = head.toString('latin1');
  const known = signatures.find(([signature]) =>
    typeof signature === 'string' ? latin.startsWith(signature) : signature.test(latin),
  );
  if (known) return { kind: 'binary', name: known[1], advice: known[2] };
  return head.includes(0) ? { kind: 'binary', name: 'a binary file', advice: anyAdvice } : { kind: 'text' };
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
