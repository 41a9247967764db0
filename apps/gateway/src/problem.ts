import { AppError, describeError, type ErrorCode, type Problem } from '@switchyard/protocol';

/** An answer that says what is wrong, as RFC 9457 has it. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
}

/** How long clients are asked to wait when nothing better is known. */
const defaultRetryMs = 2000;

/**
 * The one mapping of errors at this edge. An AppError is shown as it is; everything else is `internal`, of which the
 * caller learns the request id alone.
 */
export function problemOfError(error: unknown, requestId: string): ProblemAnswer {
  const known = asAppError(error);
  const { status, title } = describeError(known.code);
  const { retryAfterMs, allow, size, ...members } = known.details;
  return {
    status,
    headers: headersOf(known.code, {
      retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : defaultRetryMs,
      allow: typeof allow === 'string' ? allow : '',
      size: typeof size === 'number' ? size : 0,
    }),
    body: {
      ...members,
      type: `urn:switchyard:problem:${known.code}`,
      title,
      status,
      code: known.code,
      detail: known.detail,
      requestId,
    },
  };
}

/** The AppError that an error stands for at this edge. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(
    'internal',
    'Something went wrong on our side. Try again, and name the request id if it stays.',
    {
      cause: error,
    },
  );
}

function headersOf(
  code: ErrorCode,
  {
    retryAfterMs,
    allow,
    size,
  }: { readonly retryAfterMs: number; readonly allow: string; readonly size: number },
): Record<string, string> {
  switch (code) {
    case 'unauthorized':
      return { 'www-authenticate': 'Bearer' };
    case 'method_not_allowed':
      return { allow };
    case 'range_not_satisfiable':
      return { 'content-range': `bytes */${size}` };
    case 'rate_limited':
    case 'sandbox_limit':
    case 'unavailable':
      return { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
    case 'invalid_request':
    case 'bad_cursor':
    case 'invalid_path':
    case 'unknown_model':
    case 'forbidden':
    case 'not_found':
    case 'run_active':
    case 'payload_too_large':
    case 'conflict':
    case 'unsupported_media_type':
    case 'idempotency_mismatch':
    case 'internal':
    case 'model_failed':
    case 'sandbox_failed':
    case 'sandbox_full':
    case 'sandbox_unavailable':
      return {};
  }
}
