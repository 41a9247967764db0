import { createHash } from 'node:crypto';

/** What a vendor gives with reasoning so that it knows it again: here, a text that says which server wrote it. */
export function sealed(text: string): string {
  return `scripted.${createHash('sha256').update(text).digest('base64url')}`;
}

/** True for a seal of this kind of server; `text`, when it is known, must be what was sealed. */
export function isSealed(seal: string, text?: string): boolean {
  return text === undefined ? /^scripted\.[\w-]{43}$/.test(seal) : seal === sealed(text);
}
