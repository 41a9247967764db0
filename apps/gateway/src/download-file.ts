import { AppError } from '@switchyard/protocol';
import { type FileContent, resolveWorkspacePath, workspaceRoot } from '@switchyard/sandbox';
import type { Gateway, GatewayContext } from './gateway.ts';
import { limits } from './limits.ts';

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
 * Answers with a file of a project's workspace, read page by page inside its sandbox. Throws AppError `invalid_path`,
 * `not_found`, `payload_too_large` above `limits.downloadBytes`, and what the sandbox itself has to say.
 */
export async function downloadFile(
  { sandboxes, logger }: Pick<Gateway, 'sandboxes' | 'logger'>,
  c: GatewayContext,
  {
    project,
    path,
  }: { readonly project: { readonly id: string; readonly sandboxId: string | null }; readonly path: string },
): Promise<Response> {
  if (!sandboxes) throw new AppError('sandbox_unavailable', 'No sandbox service is configured.');
  const absolutePath = resolveWorkspacePath(path);
  if (absolutePath === workspaceRoot) throw new AppError('invalid_path', 'The path names no file.');
  if (project.sandboxId === null) throw new AppError('not_found', 'The workspace has no such file.');

  const { outgoing } = c.env;
  const leaving = c.req.raw.signal;
  const timely = () => AbortSignal.any([leaving, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
  const sandbox = await sandboxes.open({
    projectId: project.id,
    sandboxId: project.sandboxId,
    signal: timely(),
  });
  const length = limits.downloadPageBytes;
  const readPage = (offset: number) => sandbox.readFile(absolutePath, { offset, length, signal: timely() });
  const first = await readPage(0);
  if (first.size > limits.downloadBytes) {
    throw new AppError('payload_too_large', `The file is larger than ${limits.downloadBytes} bytes.`);
  }
  const name = absolutePath.slice(absolutePath.lastIndexOf('/') + 1);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const cut = (error: unknown) => {
    if (!leaving.aborted) logger.warn({ requestId: c.get('requestId'), error }, 'a download was cut');
    // Not an error of the stream, which would be told in the middle of the file.
    outgoing.destroy();
  };
  // Told when nothing moves on the connection any more: the client's fault if something waits for him.
  outgoing.setTimeout(limits.stalledDownloadMs, () => {
    if (outgoing.writableLength > 0) cut(new Error('The client takes nothing.'));
  });
  const pages = pagesOf(first, { readPage, cut });
  return c.body(pages, 200, {
    'content-type': mediaTypes[extension] ?? 'application/octet-stream',
    'content-length': String(first.size),
    'content-disposition': contentDisposition(name),
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'no-store',
  });
}

/**
 * The file's pages, the next one read when the last one was taken. A file that is changed meanwhile is no file any more:
 * then, as after any other failure, the answer is cut, so that nobody takes what he has for the whole.
 */
function pagesOf(
  first: FileContent,
  {
    readPage,
    cut,
  }: {
    readonly readPage: (offset: number) => Promise<FileContent>;
    readonly cut: (error: unknown) => void;
  },
): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { bytes, stamp } = offset === 0 ? first : await readPage(offset);
          const left = first.size - offset;
          if (stamp !== first.stamp || (bytes.length === 0 && left > 0)) {
            throw new Error('The file was changed while it was read.');
          }
          if (bytes.length > 0) controller.enqueue(bytes.subarray(0, left));
          offset += bytes.length;
          if (offset >= first.size) controller.close();
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
