import { configResponseSchema } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_test' });
});
afterAll(() => stack.stop());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${stack.url}${path}`, { headers, redirect: 'manual' });

describe('the page', () => {
  it('is served to everybody with a policy that allows nothing inline and no foreign host but the sign-in service', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`connect-src 'self' ${stack.supabase.url};`);
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|https?:\/\//);
  });

  it('comes with every file that it names, in the types that a browser takes', async () => {
    const response = await get('/');
    const html = await response.text();
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1] ?? '');
    const preloaded = [...(response.headers.get('link') ?? '').matchAll(/<([^>]+)>/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named).toContain('/page/main.ts');
    expect(preloaded.length).toBeGreaterThan(20);
    for (const path of new Set([...named, ...preloaded])) {
      const file = await get(path);
      expect(file.status, path).toBe(200);
      expect(file.headers.get('content-type'), path).toMatch(/^(text\/(javascript|css)|image\/svg\+xml)/);
    }
  });

  it('has modules without types whose imports a browser can follow to the last one', async () => {
    const seen = new Set<string>();
    const waiting = ['/page/main.ts'];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const response = await get(path);
      expect(response.status, path).toBe(200);
      const source = await response.text();
      expect(source, path).not.toMatch(/^\s*(?:export )?(?:interface|type) \w/m);
      for (const match of source.matchAll(/(?:from|import) '([^']+)'/g)) {
        const specifier = match[1] ?? '';
        expect(specifier, path).toMatch(/^[./]/);
        waiting.push(new URL(specifier, `http://page${path}`).pathname);
      }
    }
    expect(seen).toContain('/page/client/index.ts');
  });

  it('answers 304 to whoever has a file already, zipped or not, and 404 for what is no file of the page', async () => {
    const first = await get('/page/main.ts', { 'accept-encoding': 'identity' });
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const again = await get('/page/main.ts', { 'if-none-match': etag });
    expect(again.status).toBe(304);
    expect(again.headers.get('content-security-policy')).toContain("default-src 'none'");
    const zipped = await get('/page/main.ts', { 'accept-encoding': 'gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(await zipped.text()).toBe(await first.text());

    for (const path of [
      '/page/',
      '/page/nothing.ts',
      '/page/tsconfig.json',
      '/page/..%2fsrc/config.ts',
      '/page/%2e%2e/package.json',
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
    expect((await fetch(`${stack.url}/`, { method: 'POST' })).status).toBe(405);
    const head = await fetch(`${stack.url}/`, { method: 'HEAD' });
    expect(head.status).toBe(200);
  });
});

describe('GET /v1/config', () => {
  it('tells everybody where to sign in, and no secret', async () => {
    const response = await get('/v1/config');
    expect(response.status).toBe(200);
    expect(configResponseSchema.parse(await response.json())).toEqual({
      supabaseUrl: stack.supabase.url,
      publishableKey: 'sb_publishable_test',
    });
  });
});
