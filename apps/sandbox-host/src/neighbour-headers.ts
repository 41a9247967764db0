/** Headers of one connection, which no proxy passes on (RFC 9110, 7.6.1); `connection` names further ones. */
export const neighbourHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
