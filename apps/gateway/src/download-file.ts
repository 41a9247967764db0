import { createHash } from 'node:crypto';
import { AppError } from '@switchyard/protocol';
import { type FileContent, resolveWorkspacePath, workspaceRoot } from '@switchyard/sandbox';
import type { Gateway, GatewayContext } from './gateway.ts';
import { limits } from './limits.ts';
import { openWorkspace, type Workspace } from './open-workspace.ts';
import { readRange } from './read-range.ts';

/** What browsers may show without running anything; everything else is bytes. */
const mediaTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv; charset=utf-8',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  md: 'text/markdown; charset=utf-8',
  pdf: 'application/pdf',
  png: 'image/png',
  txt: 'text/plain; charset=utf-8',
  webp: 'image/webp',
};

/**
 * Answers with a file of a project's workspace or one range of it, read page by page inside its sandbox. Throws AppError
 * `invalid_path`, `not_found`, `range_not_satisfiable`, and what the sandbox itself has to say.
 */
export async function downloadFile(
  gateway: Pick<Gateway, 'sql' | 'sandboxes' | 'logger'>,
  c: GatewayContext,
  { workspace, path }: { readonly workspace: Workspace; readonly path: string },
): Promise<Response> {
  const absolutePath = resolveWorkspacePath(path);
  if (absolutePath === workspaceRoot) throw new AppError('invalid_path', 'The path names no file.');
  if (workspace.sandboxId === null) throw new AppError('not_found', 'The workspace has no such file.');

  const { outgoing } = c.env;
  const leaving = c.req.raw.signal;
  const timely = () => AbortSignal.any([leaving, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
  const sandbox = await openWorkspace(gateway, workspace, { signal: timely() });
  const readPage = (offset: number, length: number) =>
    sandbox.readFile(absolutePath, { offset, length, signal: timely() });
  // Most files are one page, and most requests want it all.
  const first = await readPage(0, limits.downloadPageBytes);
  const etag = `"${createHash('sha256').update(first.stamp).digest('base64url').slice(0, 22)}"`;
  const range = readRange({
    header: c.req.header('range'),
    ifRange: c.req.header('if-range'),
    etag,
    size: first.size,
  });
  if (range === 'unsatisfiable') {
    const { size } = first;
    throw new AppError('range_not_satisfiable', `The file has ${size} bytes.`, { details: { size } });
  }
  const { start, end } = range ?? { start: 0, end: first.size };
  const name = absolutePath.slice(absolutePath.lastIndexOf('/') + 1);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const cut = (error: unknown) => {
    if (!leaving.aborted) gateway.logger.warn({ requestId: c.get('requestId'), error }, 'a download was cut');
    // Not an error of the stream, which would be told in the middle of the file.
    outgoing.destroy();
  };
  // Told when nothing moves on the connection any more: the client's fault if something waits for him.
  outgoing.setTimeout(limits.stalledDownloadMs, () => {
    if (outgoing.writableLength > 0) cut(new Error('The client takes nothing.'));
  });
  const pages = pagesOf(first, { start, end, readPage, cut });
  return c.body(pages, range ? 206 : 200, {
    'content-type': mediaTypes[extension] ?? 'application/octet-stream',
    'content-length': String(end - start),
    'accept-ranges': 'bytes',
    etag,
    ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${first.size}` } : {}),
    'content-disposition': contentDisposition(name),
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'no-store',
  });
}

/**
 * The file's bytes from `start` to before `end`, the next page read when the last one was taken. A file that is changed
 * meanwhile is no file any more: then, as after any other failure, the answer is cut, so that nobody takes what he has
 * for the whole.
 */
function pagesOf(
  first: FileContent,
  options: {
    readonly start: number;
    readonly end: number;
    readonly readPage: (offset: number, length: number) => Promise<FileContent>;
    readonly cut: (error: unknown) => void;
  },
): ReadableStream<Uint8Array> {
  const { start, end, readPage, cut } = options;
  let offset = start;
  async function nextPage(): Promise<Uint8Array> {
    const inFirst = first.bytes.subarray(offset, end);
    if (inFirst.length > 0) return inFirst;
    const { bytes, stamp } = await readPage(offset, Math.min(limits.downloadPageBytes, end - offset));
    if (stamp !== first.stamp || bytes.length === 0)
      throw new Error('The file was changed while it was read.');
    return bytes;
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          if (offset < end) {
            const bytes = await nextPage();
            offset += bytes.length;
            controller.enqueue(bytes);
          }
          if (offset >= end) controller.close();
        } catch (error) {
          cut(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
}

/** RFC 6266: always an attachment; an ASCII name for old clients beside the real one. */
export function contentDisposition(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]/g, '_').replaceAll(/["\\%]/g, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
