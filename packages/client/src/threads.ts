import type {
  CreateThreadRequest,
  MessagesResponse,
  RunsResponse,
  ThreadResponse,
  ThreadsResponse,
} from '@switchyard/protocol';
import { apiPath, queryOf, requestJson, type SendRequest } from './request.ts';

/** A page of a list: `before` takes the `nextBefore` of the page that is already there. */
export interface PageOptions {
  readonly before?: string;
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What a client does with threads; every `threadId` is an id or the caller's own `externalId`. */
export interface ThreadMethods {
  /** Last used first, with the run that is active in each. Archived ones only when they are asked for. */
  list(
    options?: PageOptions & { readonly search?: string; readonly archived?: boolean },
  ): Promise<ThreadsResponse>;
  create(thread?: CreateThreadRequest): Promise<ThreadResponse>;
  read(threadId: string): Promise<ThreadResponse>;
  rename(threadId: string, title: string | null): Promise<ThreadResponse>;
  /** Puts the thread out of the list, or with `false` back into it. */
  archive(threadId: string, archived?: boolean): Promise<ThreadResponse>;
  delete(threadId: string): Promise<void>;
  /** The newest messages, oldest first, and the run that is active: all that a page needs to show and follow it. */
  messages(threadId: string, options?: PageOptions): Promise<MessagesResponse>;
  /** Newest first. */
  runs(threadId: string, options?: { readonly signal?: AbortSignal }): Promise<RunsResponse>;
}

export function createThreadMethods(send: SendRequest): ThreadMethods {
  return {
    list: ({ signal, ...query } = {}) => requestJson(send, `/v1/threads${queryOf(query)}`, { signal }),
    create: (thread = {}) => requestJson(send, '/v1/threads', { method: 'POST', body: thread }),
    read: async (threadId) => requestJson(send, apiPath`/v1/threads/${threadId}`),
    rename: async (threadId, title) =>
      requestJson(send, apiPath`/v1/threads/${threadId}`, { method: 'PATCH', body: { title } }),
    archive: async (threadId, archived = true) =>
      requestJson(send, apiPath`/v1/threads/${threadId}`, { method: 'PATCH', body: { archived } }),
    delete: async (threadId) => requestJson(send, apiPath`/v1/threads/${threadId}`, { method: 'DELETE' }),
    messages: async (threadId, { signal, ...query } = {}) =>
      requestJson(send, `${apiPath`/v1/threads/${threadId}/messages`}${queryOf(query)}`, { signal }),
    runs: async (threadId, { signal } = {}) =>
      requestJson(send, apiPath`/v1/threads/${threadId}/runs`, { signal }),
  };
}
