/** Keeps the head and the tail of a stream of bytes, at most `maxBytes` of it. */
export interface OutputCollector {
  push(bytes: Uint8Array): void;
  /** Bytes that were not even fetched. */
  skip(count: number): void;
  finish(): { readonly output: string; readonly isTruncated: boolean };
}

/** The bytes as text, without the pieces of characters that a cut left at either end. */
function decodeCut(bytes: Buffer, cut: 'start' | 'end' | 'none'): string {
  let [start, end] = [0, bytes.length];
  if (cut === 'start') {
    while (start < end && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  }
  if (cut === 'end') {
    // Back to the first byte of the last character; it goes when its length says that bytes are missing.
    let lead = end - 1;
    while (lead > 0 && lead > end - 4 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead--;
    const first = bytes[lead] ?? 0;
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (lead >= 0 && lead + length > end) end = lead;
  }
  return bytes.toString('utf8', start, end);
}

/** The head gets the first half of `maxBytes`; a mark with the number of bytes stands for what is left out. */
export function createOutputCollector(maxBytes: number): OutputCollector {
  const headLimit = Math.ceil(maxBytes / 2);
  const tailLimit = maxBytes - headLimit;
  const head: Buffer[] = [];
  let headSize = 0;
  let tail: Buffer = Buffer.alloc(0);
  let leftOut = 0;

  return {
    push(bytes) {
      let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (headSize < headLimit && leftOut === 0 && tail.length === 0) {
        const taken = rest.subarray(0, headLimit - headSize);
        head.push(Buffer.from(taken));
        headSize += taken.length;
        rest = rest.subarray(taken.length);
      }
      if (rest.length === 0) return;
      const joined = Buffer.concat([tail, rest]);
      leftOut += Math.max(0, joined.length - tailLimit);
      tail = joined.subarray(Math.max(0, joined.length - tailLimit));
    },
    skip(count) {
      leftOut += count + tail.length;
      tail = Buffer.alloc(0);
    },
    finish() {
      const first = Buffer.concat(head);
      if (leftOut === 0) return { output: Buffer.concat([first, tail]).toString('utf8'), isTruncated: false };
      const mark = `\n[… ${leftOut} bytes left out …]\n`;
      return { output: decodeCut(first, 'end') + mark + decodeCut(tail, 'start'), isTruncated: true };
    },
  };
}
