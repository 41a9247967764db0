import { pause, withJitter } from './pause.ts';
import { errorOfResponse, SwitchyardError, unreachable } from './switchyard-error.ts';

/**
 * Asked before every request, and once more with the token that the server has just refused (401). A SwitchyardError
 * that it throws is the request's; any other failure counts as `unreachable`, and who follows a run tries again.
 */
export type TokenSource = (asked: { readonly refused: string | null }) => string | Promise<string>;

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>> | Headers;
  /** Sent again as it is when the token had to be refreshed: never a stream. */
  readonly body?: string | FormData | Blob | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
}

/** Sends a request to the API: resolves with an answer of 2xx, rejects with SwitchyardError or the signal's reason. */
export type SendRequest = (path: string, options?: RequestOptions) => Promise<Response>;

export interface RequestTarget {
  /** Origin of the gateway. */
  readonly url: string;
  readonly token: string | TokenSource;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** Sends requests with the caller's token; one that the server refuses is refreshed once. */
export function createSendRequest({ url, token, fetch }: RequestTarget): SendRequest {
  const origin = url.replace(/\/+$/, '');

  async function sendWith(bearer: string, path: string, options: RequestOptions): Promise<Response> {
    const { method = 'GET', body, signal } = options;
    const headers = new Headers(options.headers);
    headers.set('authorization', `Bearer ${bearer}`);
    // Not kept: what patches the global one later (tracing, tests) is to be used.
    const send = fetch ?? globalThis.fetch;
    return await send(`${origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
  }

  async function answerTo(path: string, options: RequestOptions): Promise<Response> {
    if (typeof token === 'string') return await sendWith(token, path, options);
    const bearer = await untilAborted(token({ refused: null }), options.signal);
    const response = await sendWith(bearer, path, options);
    if (response.status !== 401) return response;
    const fresh = await untilAborted(token({ refused: bearer }), options.signal);
    if (fresh === bearer) return response;
    await response.body?.cancel();
    return await sendWith(fresh, path, options);
  }

  return async (path, options = {}) => {
    let response: Response;
    try {
      response = await answerTo(path, options);
    } catch (cause) {
      options.signal?.throwIfAborted();
      throw cause instanceof SwitchyardError ? cause : unreachable(cause);
    }
    if (!response.ok) throw await errorOfResponse(response);
    return response;
  };
}

/** How often a request is repeated whose line broke: the gateway behind it may just be leaving. */
const maxRepeats = 2;

/**
 * Sends a request and reads its answer as JSON; `body` is sent as JSON unless it is a form or bytes. What may be repeated, a
 * GET or a request with an idempotency key, is sent again when its line breaks. All of it takes at most two minutes
 * (a guess: the API answers within seconds, or within `waitMs`, at most one minute), but for forms and
 * bytes, which may be large.
 */
export async function requestJson<Answer>(
  send: SendRequest,
  path: string,
  options: Omit<RequestOptions, 'body'> & { readonly body?: object | undefined } = {},
): Promise<Answer> {
  const { method = 'GET', headers, body, signal } = options;
  const isRaw = body instanceof FormData || body instanceof Blob;
  const deadline = new AbortController();
  const timer = isRaw ? undefined : setTimeout(() => deadline.abort(new Error('No answer came.')), 120_000);
  const sent = new Headers(headers);
  if (body !== undefined && !isRaw) sent.set('content-type', 'application/json');
  const ended = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
  const isRepeatable = method === 'GET' || sent.has('idempotency-key');

  async function attempt(): Promise<Answer> {
    const response = await send(path, {
      method,
      headers: sent,
      signal: ended,
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return (response.status === 204 ? undefined : JSON.parse(text)) as Answer;
  }

  try {
    // Ends with an answer, a refusal, the deadline, or after maxRepeats broken lines.
    for (let failures = 0; ; failures += 1) {
      try {
        return await attempt();
      } catch (cause) {
        const isBroken =
          cause instanceof SwitchyardError ? cause.code === 'unreachable' : cause instanceof TypeError;
        if (!isBroken || !isRepeatable || failures === maxRepeats || ended.aborted) throw cause;
        await pause(withJitter(null, failures), ended);
      }
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof SwitchyardError ? cause : unreachable(cause);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A path of the API whose placeholders are segments, as in apiPath`/v1/runs/${id}`. Throws SwitchyardError for an id
 * that would name another path (an empty one, `.` or `..`).
 */
export function apiPath(texts: TemplateStringsArray, ...segments: readonly string[]): string {
  return texts.reduce((path, text, index) => {
    const segment = segments[index - 1] ?? '';
    if (segment === '' || segment === '.' || segment === '..') {
      throw new SwitchyardError({ code: 'invalid_request', status: 0, detail: `"${segment}" is no id.` });
    }
    return `${path}${encodeURIComponent(segment)}${text}`;
  });
}

/** `?a=1&b=2` of the values that are there. */
export function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

async function untilAborted<Value>(value: Value | Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (!(value instanceof Promise) || !signal) return await value;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([value, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
