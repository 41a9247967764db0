import type { ErrorCode, Problem } from '@switchyard/protocol';

/** What the API refused (its problem document), or `unreachable` when no answer came. */
export class SwitchyardError extends Error {
  override readonly name = 'SwitchyardError';
  /** Stable: switch on it. */
  readonly code: ErrorCode | 'unreachable';
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** Fit for end users. */
  readonly detail: string;
  /** How long the API asks to wait before the next attempt; null when it said nothing. */
  readonly retryAfterMs: number | null;
  /** Where in the request body the faults are, by JSON pointer (RFC 6901). */
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];

  constructor(problem: {
    readonly code: ErrorCode | 'unreachable';
    readonly status: number;
    readonly detail: string;
    readonly retryAfterMs?: number | null;
    readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
    readonly cause?: unknown;
  }) {
    super(`${problem.code}: ${problem.detail}`, { cause: problem.cause });
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.retryAfterMs = problem.retryAfterMs ?? null;
    this.errors = problem.errors ?? [];
  }
}

/** Reads a refused answer; one that is no problem document (a proxy's error page) becomes `internal` or `unavailable`. */
export async function errorOfResponse(response: Response): Promise<SwitchyardError> {
  const retryAfterMs = retryAfterOf(response);
  try {
    const problem = (await response.json()) as Problem;
    if (typeof problem.code === 'string' && typeof problem.detail === 'string') {
      return new SwitchyardError({
        code: problem.code as ErrorCode,
        status: response.status,
        detail: problem.detail,
        retryAfterMs,
        errors: problem.errors ?? [],
      });
    }
  } catch {
    // Not JSON: what follows describes the answer by its status alone.
  }
  return new SwitchyardError({
    code:
      response.status === 502 || response.status === 503 || response.status === 504
        ? 'unavailable'
        : 'internal',
    status: response.status,
    detail: `The server answered with status ${response.status}.`,
    retryAfterMs,
  });
}

/** No answer came, or the connection was cut in it. */
export function unreachable(cause: unknown): SwitchyardError {
  const detail = 'The server cannot be reached.';
  return new SwitchyardError({ code: 'unreachable', status: 0, detail, cause });
}

/** Retry-After as milliseconds from now: it names seconds, or a time (RFC 9110, 10.2.3). */
function retryAfterOf(response: Response): number | null {
  const value = response.headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : Math.max(0, time - Date.now());
}

/** True when the same request may succeed later: no answer, too many requests, or a fault on the server's side. */
export function isRetryable({ code, status }: SwitchyardError): boolean {
  return code === 'unreachable' || status === 408 || status === 429 || status >= 500;
}
