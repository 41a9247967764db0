/** Bytes from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range of bytes that a request asks for (RFC 9110, 14.2): null for the whole file, also when the header is not
 * understood or names several; `unsatisfiable` when it begins behind the end. `ifRange` is a version that must still
 * be `etag`'s for the range to hold.
 */
export function readRange(options: {
  readonly header: string | undefined;
  readonly ifRange: string | undefined;
  readonly etag: string;
  readonly size: number;
}): ByteRange | null | 'unsatisfiable' {
  const { header, ifRange, etag, size } = options;
  if (header === undefined || (ifRange !== undefined && ifRange !== etag)) return null;
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.replaceAll(/\s/g, '')) ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return null;
  return start >= size ? 'unsatisfiable' : { start, end };
}
