import { wholeCharacters } from './text-bytes.ts';

/**
 * The beginning and the end of a text, at most `maxBytes` as UTF-8, with a mark between them that names the bytes left
 * out: the same form in which the sandbox gives a command's output.
 */
export function truncateMiddle(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  const headLength = Math.ceil(maxBytes / 2);
  let tailStart = bytes.length - (maxBytes - headLength);
  const leftOut = tailStart - headLength;
  const head = bytes.subarray(0, headLength);
  while (tailStart < bytes.length && ((bytes[tailStart] ?? 0) & 0xc0) === 0x80) tailStart += 1;
  const shownHead = head.subarray(0, wholeCharacters(head)).toString('utf8');
  return `${shownHead}\n[… ${leftOut} bytes left out …]\n${bytes.subarray(tailStart).toString('utf8')}`;
}
