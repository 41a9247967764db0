import { isDeepStrictEqual } from 'node:util';

/** Equal as JSON, whatever the order of members. */
export function isSameJson(left: unknown, right: unknown): boolean {
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value ?? null)) as unknown;
  return isDeepStrictEqual(plain(left), plain(right));
}
