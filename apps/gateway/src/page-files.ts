import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** One file of the page as it is served. */
export interface PageFile {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  /** Of the bytes; quoted, as the header has it. */
  readonly etag: string;
}

/** The page's files by their paths in its addresses: `index.html`, `main.ts`, `client/index.ts`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const mediaTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
};
/** What a page is made of; whatever else lies beside it is not served. */
const servedExtensions: ReadonlySet<string> = new Set(['.css', '.html', '.svg', '.ts']);
const compress = promisify(gzip);
const pageDirectory = path.resolve(import.meta.dirname, '../page');
/** The published client's own sources: the page is one of its users. */
const clientDirectory = path.dirname(fileURLToPath(import.meta.resolve('@switchyard/client')));

/**
 * Reads the page and the client into memory, as browsers take them: types are replaced by white space, so that every line
 * and column stays, and the client is imported by its address. A gateway that lacks a file of the page does not start.
 */
export async function loadPageFiles(): Promise<PageFiles> {
  const [page, client] = await Promise.all([readSources(pageDirectory), readSources(clientDirectory)]);
  const sources = [...page, ...client.map(([name, text]) => [`client/${name}`, text] as const)];
  return new Map(
    await Promise.all(
      sources.map(async ([name, text]) => [name, await preparePageFile(name, Buffer.from(text))] as const),
    ),
  );
}

async function readSources(directory: string): Promise<(readonly [name: string, text: string])[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) =>
      entry.isFile() &&
      servedExtensions.has(path.extname(entry.name)) &&
      !/\.(?:test|d)\.ts$/.test(entry.name),
  );
  return await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return [
        path.relative(directory, file).replaceAll(path.sep, '/'),
        await readFile(file, 'utf8'),
      ] as const;
    }),
  );
}

/** Makes a file ready to be served, types stripped; its media type follows from its name. */
export async function preparePageFile(name: string, content: Buffer): Promise<PageFile> {
  const extension = path.extname(name);
  const bytes = extension === '.ts' ? Buffer.from(asBrowserModule(content.toString())) : content;
  return {
    mediaType: mediaTypes[extension] ?? 'application/octet-stream',
    bytes,
    gzipped: await compress(bytes),
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
  };
}

/** A browser resolves no package names, and an import map would be an inline script. */
function asBrowserModule(source: string): string {
  return stripTypeScriptTypes(source).replaceAll("from '@switchyard/client'", "from '/page/client/index.ts'");
}
