import { AppError } from '@switchyard/protocol';
import { Hono } from 'hono';
import { answerFile, documentHeaders } from '../answer-file.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';

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
 * Beside its own files the page talks to its own origin and the sign-in service. No markup is ever made from text
 * (`require-trusted-types-for` without a policy).
 */
function pageHeaders(supabaseOrigin: string): Readonly<Record<string, string>> {
  return documentHeaders([
    "img-src 'self' blob: data:",
    `connect-src 'self' ${supabaseOrigin}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]);
}
