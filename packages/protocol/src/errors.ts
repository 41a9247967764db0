/** How an HTTP edge answers each code, and whether the same request may succeed later. */
const errorTable = {
  invalid_request: { status: 400, title: 'The request is not valid.', isRetryable: false },
  bad_cursor: { status: 400, title: 'The cursor is not an event id.', isRetryable: false },
  invalid_path: { status: 400, title: 'The path leaves the workspace.', isRetryable: false },
  unknown_model: { status: 400, title: 'The model is not in the catalog.', isRetryable: false },
  unauthorized: { status: 401, title: 'A valid token or API key is needed.', isRetryable: false },
  forbidden: { status: 403, title: 'You may read this, but not change it.', isRetryable: false },
  not_found: { status: 404, title: 'Not found.', isRetryable: false },
  method_not_allowed: { status: 405, title: 'Method not allowed.', isRetryable: false },
  run_active: { status: 409, title: 'The thread has an active run.', isRetryable: false },
  conflict: { status: 409, title: 'The state has changed meanwhile.', isRetryable: false },
  payload_too_large: { status: 413, title: 'The request body is too large.', isRetryable: false },
  unsupported_media_type: { status: 415, title: 'The content type is not supported.', isRetryable: false },
  range_not_satisfiable: { status: 416, title: 'The file has no such bytes.', isRetryable: false },
  idempotency_mismatch: {
    status: 422,
    title: 'The idempotency key was used with another body.',
    isRetryable: false,
  },
  rate_limited: { status: 429, title: 'Too many requests.', isRetryable: true },
  internal: { status: 500, title: 'Something went wrong on our side.', isRetryable: true },
  model_failed: { status: 502, title: 'The model did not answer.', isRetryable: true },
  sandbox_failed: { status: 502, title: 'The sandbox did not answer.', isRetryable: true },
  sandbox_full: { status: 507, title: 'The sandbox has no room left.', isRetryable: false },
  sandbox_limit: { status: 503, title: 'No more sandboxes can run at the moment.', isRetryable: true },
  sandbox_unavailable: { status: 503, title: 'No sandbox can be started here.', isRetryable: false },
  unavailable: { status: 503, title: 'A service that this request needs is down.', isRetryable: true },
} as const;

/** Stable: a code is never renamed, and clients may switch on it. */
export type ErrorCode = keyof typeof errorTable;
export const errorCodes = Object.keys(errorTable) as readonly ErrorCode[];

/** The HTTP status, title and retryability that belong to a code. */
export function describeError(code: ErrorCode): { status: number; title: string; isRetryable: boolean } {
  return errorTable[code];
}

/**
 * An expected failure. `detail` is shown to end users and to the model: no secret, no path of the host, no stack.
 * `cause` is for the log alone; `details` are extra members of the problem document (pointers, retryAfterMs).
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(`${code}: ${detail}`, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = detail;
    this.details = options.details ?? {};
  }
}
