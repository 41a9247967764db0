import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@switchyard/protocol';
import { Hono } from 'hono';
import { answerFile, documentHeaders } from '../answer-file.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { openApiDocument } from '../openapi/document.ts';
import { type PageFile, preparePageFile } from '../page-files.ts';

const ownDirectory = path.resolve(import.meta.dirname, '../../docs');

/** `/openapi.json`, and `/docs`, which shows it: public, for they say nothing of anybody. */
export function docsRoutes({ config }: Pick<Gateway, 'config'>): Hono<GatewayEnv> {
  const routes = new Hono<GatewayEnv>();
  // The viewer's icons are data urls in its styles.
  const headers = documentHeaders(["img-src 'self' data:", "connect-src 'self'"]);
  const prepared = new Map<string, Promise<PageFile>>();

  /** Made at the first request: few gateways are ever asked, and a file takes a moment to be zipped. */
  async function once(name: string, read: () => Buffer | Promise<Buffer>): Promise<PageFile> {
    const known = prepared.get(name) ?? (async () => await preparePageFile(name, await read()))();
    prepared.set(name, known);
    try {
      return await known;
    } catch (error) {
      prepared.delete(name);
      throw error;
    }
  }

  routes.get('/openapi.json', async (c) => {
    const file = await once('openapi.json', () =>
      Buffer.from(JSON.stringify(openApiDocument({ url: config.publicUrl ?? '/' }))),
    );
    return answerFile(c, file, { 'cache-control': 'no-cache', vary: 'Accept-Encoding, Origin' });
  });

  routes.get('/docs', async (c) =>
    answerFile(c, await once('index.html', () => readFile(path.join(ownDirectory, 'index.html'))), headers),
  );

  routes.get('/docs/:file', async (c) => {
    const name = c.req.param('file');
    const directory = directoryOf(name);
    if (directory === null) throw new AppError('not_found', 'There is no such file.');
    return answerFile(c, await once(name, () => readFile(path.join(directory, name))), headers);
  });

  return routes;
}

function directoryOf(name: string): string | null {
  switch (name) {
    case 'start.ts':
      return ownDirectory;
    case 'swagger-ui.css':
    case 'swagger-ui-bundle.js':
      return path.dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
    default:
      return null;
  }
}
