import type {
  FileResponse,
  PortResponse,
  WorkspaceEntryResponse,
  WorkspaceResponse,
} from '@switchyard/protocol';
import { readBytes } from './read-bytes.ts';
import { apiPath, queryOf, requestJson, type SendRequest } from './request.ts';
import { blobOf, type Upload } from './upload.ts';

interface Abortable {
  readonly signal?: AbortSignal;
}

/** What a client does with files: those of a project's workspace by path, and uploads by id. */
export interface FileMethods {
  /** A folder of the workspace; without a path, the workspace itself. */
  list(projectId: string, path?: string, options?: Abortable): Promise<WorkspaceResponse>;
  read(projectId: string, path: string, options?: Abortable): Promise<Uint8Array<ArrayBuffer>>;
  /** Puts a file into the workspace, in the place of what stood at that path. */
  write(
    projectId: string,
    path: string,
    content: Blob | Uint8Array<ArrayBuffer> | string,
    options?: Abortable,
  ): Promise<WorkspaceEntryResponse>;
  /** Removes a file of the workspace, or a folder with all that is in it. */
  remove(projectId: string, path: string, options?: Abortable): Promise<void>;
  /** Where a browser reaches what listens on a port of the project's sandbox, for an hour; the address is the permission. */
  port(projectId: string, port: number, options?: Abortable): Promise<PortResponse>;
  /** Sends a file before a run; its `url` is what a file part of the run's input holds. */
  upload(file: Upload, options?: Abortable & { readonly projectId?: string }): Promise<FileResponse>;
  /** The bytes of an upload; a file part's `url` ends with its id. */
  download(fileId: string, options?: Abortable): Promise<Uint8Array<ArrayBuffer>>;
}

export function createFileMethods(send: SendRequest): FileMethods {
  const contentOf = (projectId: string, path: string) =>
    `${apiPath`/v1/projects/${projectId}/files/content`}${queryOf({ path })}`;

  return {
    list: async (projectId, path, { signal } = {}) =>
      requestJson(send, `${apiPath`/v1/projects/${projectId}/files`}${queryOf({ path })}`, { signal }),
    read: async (projectId, path, { signal } = {}) => readBytes(send, contentOf(projectId, path), signal),
    write: async (projectId, path, content, { signal } = {}) => {
      const body = content instanceof Blob ? content : new Blob([content]);
      const headers = { 'content-type': 'application/octet-stream' };
      return await requestJson(send, contentOf(projectId, path), { method: 'PUT', headers, body, signal });
    },
    remove: async (projectId, path, { signal } = {}) =>
      requestJson(send, contentOf(projectId, path), { method: 'DELETE', signal }),
    port: async (projectId, port, { signal } = {}) =>
      requestJson(send, apiPath`/v1/projects/${projectId}/ports/${String(port)}`, { signal }),
    upload: (file, { projectId, signal } = {}) => {
      const form = new FormData();
      if (projectId !== undefined) form.append('projectId', projectId);
      form.append('file', blobOf(file), file.name);
      return requestJson(send, '/v1/files', { method: 'POST', body: form, signal });
    },
    download: async (fileId, { signal } = {}) => readBytes(send, apiPath`/v1/files/${fileId}`, signal),
  };
}
