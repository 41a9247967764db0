import { limits } from './limits.ts';

/** What a data url (RFC 2397) holds; `mediaType` is '' when it names none. */
export interface DataUrlContent {
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function isDataUrl(url: string): boolean {
  return /^data:/i.test(url);
}

/** Reads a data url: `too-large` above `limits.dataUrlBytes`, `malformed` when it is none or its content is broken. */
export function readDataUrl(url: string): DataUrlContent | 'too-large' | 'malformed' {
  const comma = url.indexOf(',');
  if (!isDataUrl(url) || comma === -1) return 'malformed';
  const [mediaType = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  const content = url.slice(comma + 1);
  // Base64 takes four characters for three bytes, an escape three for one.
  if (content.length > 3 * limits.dataUrlBytes) return 'too-large';
  let text: string;
  try {
    text = content.includes('%') ? decodeURIComponent(content) : content;
  } catch {
    return 'malformed';
  }
  const isBase64 = parameters.at(-1)?.trim().toLowerCase() === 'base64';
  if (isBase64 && !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return 'malformed';
  const bytes = new Uint8Array(Buffer.from(text, isBase64 ? 'base64' : 'utf8'));
  if (bytes.length > limits.dataUrlBytes) return 'too-large';
  return { mediaType: mediaType.trim().toLowerCase(), bytes };
}
