import type {
  CancelResponse,
  MessagesResponse,
  RunResponse,
  StartRunRequest,
  StartRunResponse,
} from '@switchyard/protocol';
import { type FollowedEvent, type FollowOptions, followRun } from './follow-run.ts';
import { errorOfResponse, SwitchyardError } from './switchyard-error.ts';

/** A file that travels with a run; `name` is made safe by the server, never refused. */
export interface Upload {
  readonly name: string;
  readonly content: Blob | Uint8Array<ArrayBuffer> | string;
  readonly mediaType?: string;
}

export interface ClientOptions {
  /** Origin of the gateway, `https://api.example.com`. */
  readonly url: string;
  /** An access token or API key; a function is asked before every request, so that tokens can be refreshed. */
  readonly token: string | (() => string | Promise<string>);
  readonly fetch?: typeof globalThis.fetch;
}

export interface StartRunOptions {
  readonly files?: readonly Upload[];
  /** The same key with the same body starts one run, however often it is sent. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** Every method rejects with SwitchyardError. */
export interface Client {
  startRun(request: Omit<StartRunRequest, 'stream'>, options?: StartRunOptions): Promise<StartRunResponse>;
  /** With `waitMs` (at most 60,000) the answer comes when the run has ended, or after that time. */
  getRun(
    runId: string,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<RunResponse>;
  /** The run's events from its beginning or a cursor to its end, over as many connections as it takes. */
  followRun(runId: string, options?: FollowOptions): AsyncIterable<FollowedEvent>;
  /** Stops the run; repeating it is harmless, and a run that has ended stays as it is. */
  cancel(runId: string): Promise<CancelResponse>;
  /** The bytes of a file in the project's workspace. */
  readFile(
    projectId: string,
    path: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** The thread's newest messages, oldest first; `before` takes `nextBefore` of the page that is already there. */
  messages(
    threadId: string,
    options?: { readonly before?: string; readonly limit?: number; readonly signal?: AbortSignal },
  ): Promise<MessagesResponse>;
}

/** A client of one gateway for one account. */
export function createClient(options: ClientOptions): Client {
  const origin = options.url.replace(/\/+$/, '');
  const send = options.fetch ?? globalThis.fetch;

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const token = typeof options.token === 'string' ? options.token : await options.token();
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    let response: Response;
    try {
      response = await send(`${origin}${path}`, { ...init, headers });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new SwitchyardError({
        code: 'unreachable',
        status: 0,
        detail: 'The server cannot be reached.',
        cause,
      });
    }
    if (!response.ok) throw await errorOfResponse(response);
    return response;
  }

  async function requestJson<Body>(path: string, init?: RequestInit): Promise<Body> {
    const response = await request(path, init);
    return (await response.json()) as Body;
  }

  return {
    startRun: (body, { files = [], idempotencyKey, signal } = {}) =>
      requestJson<StartRunResponse>('/v1/runs', {
        method: 'POST',
        headers: {
          ...(files.length === 0 ? { 'content-type': 'application/json' } : {}),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        body: files.length === 0 ? JSON.stringify(body) : formOf(body, files),
        ...signalOf(signal),
      }),
    getRun: (runId, { waitMs, signal } = {}) =>
      requestJson<RunResponse>(
        `/v1/runs/${encodeURIComponent(runId)}${queryOf({ waitMs })}`,
        signalOf(signal),
      ),
    followRun: (runId, followOptions = {}) =>
      followRun(
        (cursor, signal) =>
          request(`/v1/runs/${encodeURIComponent(runId)}/stream`, {
            headers: cursor === null ? {} : { 'last-event-id': cursor },
            signal,
          }),
        followOptions,
      ),
    cancel: (runId) =>
      requestJson<CancelResponse>(`/v1/runs/${encodeURIComponent(runId)}/cancel`, { method: 'POST' }),
    async readFile(projectId, path, { signal } = {}) {
      const response = await request(
        `/v1/projects/${encodeURIComponent(projectId)}/files/content${queryOf({ path })}`,
        signalOf(signal),
      );
      return new Uint8Array(await response.arrayBuffer());
    },
    messages: (threadId, { before, limit, signal } = {}) =>
      requestJson<MessagesResponse>(
        `/v1/threads/${encodeURIComponent(threadId)}/messages${queryOf({ before, limit })}`,
        signalOf(signal),
      ),
  };
}

/** Multipart as the API takes it: `input` as text, every other field as JSON, files as `files`. */
function formOf(body: Omit<StartRunRequest, 'stream'>, files: readonly Upload[]): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue;
    form.append(name, name === 'input' && typeof value === 'string' ? value : JSON.stringify(value));
  }
  for (const { name, content, mediaType } of files) {
    const blob =
      content instanceof Blob
        ? content
        : new Blob([content], mediaType === undefined ? {} : { type: mediaType });
    form.append('files', blob, name);
  }
  return form;
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function signalOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
