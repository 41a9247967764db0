import type { GatewayContext } from './gateway.ts';
import type { PageFile } from './page-files.ts';

/**
 * The headers of a document that people look at: nothing but its own scripts, styles and pictures, nobody frames it.
 * `directives` open what it needs beside that.
 */
export function documentHeaders(directives: readonly string[]): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      ...directives,
    ].join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    // Asked each time and mostly answered 304: a deploy is seen at the next load.
    'cache-control': 'no-cache',
    vary: 'Accept-Encoding, Origin',
  };
}

/** Answers with a file, zipped where that is taken, or with 304 to whoever has it already. */
export function answerFile(
  c: GatewayContext,
  file: PageFile,
  headers: Readonly<Record<string, string>>,
): Response {
  const known = (c.req.header('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  // Set on the context: headers that came before (`no-store`) would win over those of a new answer.
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  // One tag for both encodings, so a weak one (RFC 9110, 8.8.1).
  c.header('etag', `W/${file.etag}`);
  if (known.includes(file.etag)) return c.body(null, 304);
  c.header('content-type', file.mediaType);
  const isZipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (isZipped) c.header('content-encoding', 'gzip');
  return c.body(new Uint8Array(isZipped ? file.gzipped : file.bytes));
}
