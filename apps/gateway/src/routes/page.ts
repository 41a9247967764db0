import { AppError } from '@switchyard/protocol';
import { Hono } from 'hono';
import type { Gateway, GatewayContext, GatewayEnv } from '../gateway.ts';
import type { PageFile } from '../page-files.ts';

/** `/` and its files: public, for it shows nothing before somebody has signed in. */
export function pageRoutes({ config, page: files }: Pick<Gateway, 'config' | 'page'>): Hono<GatewayEnv> {
  const routes = new Hono<GatewayEnv>();
  const headers = pageHeaders(new URL(config.supabaseUrl).origin);
  const modules = [...files.keys()].filter((name) => name.endsWith('.ts') && !name.startsWith('client/'));
  // All modules at once, instead of one round trip for each level of imports.
  const preload = modules.map((name) => `</page/${name}>; rel=modulepreload`).join(', ');

  routes.get('/', (c) => {
    const page = files.get('index.html');
    if (!page) throw new AppError('not_found', 'There is no page here.');
    return answerFile(c, page, { ...headers, link: preload });
  });
  routes.get('/page/:file{.+}', (c) => {
    const file = files.get(c.req.param('file'));
    if (!file) throw new AppError('not_found', 'There is no such file.');
    return answerFile(c, file, headers);
  });
  return routes;
}

/**
 * Nothing but what the page itself is: its own scripts, styles and pictures, its own origin and the sign-in service to
 * talk to. No markup is ever made from text (`require-trusted-types-for` without a policy), and nobody frames it.
 */
function pageHeaders(supabaseOrigin: string): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' blob: data:",
      `connect-src 'self' ${supabaseOrigin}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
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

function answerFile(c: GatewayContext, file: PageFile, headers: Readonly<Record<string, string>>): Response {
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
