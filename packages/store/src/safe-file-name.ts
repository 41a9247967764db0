/** Most file systems allow 255 bytes; room is left for a number in a name that is taken. */
const maxBytes = 200;

/**
 * A name that any disk takes: the last segment of a path, without control characters, Unicode kept (composed), at most
 * 200 bytes with its extension kept. A name of which nothing is left becomes `file`.
 */
export function safeFileName(name: string): string {
  const [base = ''] = name.toWellFormed().normalize('NFC').split(/[/\\]/).slice(-1);
  // Controls, and what makes text run backwards or hides it: a name must look like what it is.
  const visible = base.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim();
  if (visible === '' || visible === '.' || visible === '..') return 'file';
  const dot = visible.lastIndexOf('.');
  const extension = dot > 0 && visible.length - dot <= 20 ? visible.slice(dot) : '';
  const stem = visible.slice(0, visible.length - extension.length);
  return cutToBytes(stem, maxBytes - Buffer.byteLength(extension)) + extension;
}

function cutToBytes(text: string, limit: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > limit) break;
    kept += character;
  }
  return kept;
}
