/** A random id of 32 hexadecimal digits; unlike `crypto.randomUUID` also on a page that is not secure. */
export function freshId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
