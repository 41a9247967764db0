import { AppError } from '@switchyard/protocol';

/** What the SDK's errors are known by here: its classes cannot be named without importing it. */
interface ServiceError extends Error {
  readonly statusCode?: number;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** A request did not end within our own deadline. */
export class DeadlineError extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} took longer than ${timeoutMs} ms.`);
    this.name = 'DeadlineError';
  }
}

/** The sandbox that was addressed is not there any more, or is not running: opening it again may help. */
export class SandboxGoneError extends Error {
  constructor(cause: unknown) {
    super('The sandbox is gone or stopped.', { cause });
    this.name = 'SandboxGoneError';
  }
}

/** A failure of a request, sorted: what may be tried again, and what it is to the callers of this package. */
export interface SortedFailure {
  readonly error: AppError | SandboxGoneError;
  /** The request certainly had no effect, or the same request may be sent again when it may be repeated at all. */
  readonly retry: 'never' | 'when-repeatable' | 'always';
  /** What the service asked for, in milliseconds. */
  readonly retryAfterMs: number | null;
}

function readRetryAfter(headers: ServiceError['headers']): number | null {
  const value = Number(headers?.['retry-after']);
  return Number.isFinite(value) && value >= 0 ? value * 1000 : null;
}

const failed = (detail: string, cause: unknown): AppError =>
  new AppError('sandbox_failed', detail, { cause });
const unavailable = (detail: string, cause: unknown): AppError =>
  new AppError('sandbox_unavailable', detail, { cause });

/**
 * Sorts whatever a call of the SDK threw. The service's own words go to the log by `cause` and never further (they
 * may be "[object Object]" or name hosts), except the reason why a machine cannot start sandboxes, which our own
 * sandbox host writes for people to read.
 */
export function sortFailure(thrown: unknown): SortedFailure {
  if (thrown instanceof DeadlineError) {
    return {
      error: failed('The sandbox took too long to answer.', thrown),
      retry: 'when-repeatable',
      retryAfterMs: null,
    };
  }
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as ServiceError;
  const retryAfterMs = readRetryAfter(error.headers);
  if (error.code === 'SANDBOX_UNAVAILABLE') {
    return { error: unavailable(error.message, thrown), retry: 'never', retryAfterMs };
  }
  if (error.code === 'SANDBOX_NOT_STARTED') {
    return { error: new SandboxGoneError(thrown), retry: 'never', retryAfterMs };
  }
  switch (error.statusCode) {
    case 401:
    case 403:
      return {
        error: unavailable('The sandbox service refuses the API key. Check DAYTONA_API_KEY.', thrown),
        retry: 'never',
        retryAfterMs,
      };
    case 404:
    case 410:
      return { error: new SandboxGoneError(thrown), retry: 'never', retryAfterMs };
    case 429:
      return { error: failed('The sandbox service is busy.', thrown), retry: 'always', retryAfterMs };
    case 408:
    case 504:
      return {
        error: failed('The sandbox took too long to answer.', thrown),
        retry: 'when-repeatable',
        retryAfterMs,
      };
    case 502:
    case 503:
      return {
        error: failed('The sandbox service is not available.', thrown),
        retry: 'when-repeatable',
        retryAfterMs,
      };
    case undefined:
      return {
        error: failed('The sandbox service cannot be reached.', thrown),
        retry: 'when-repeatable',
        retryAfterMs,
      };
    default:
      return { error: failed('The sandbox service failed.', thrown), retry: 'never', retryAfterMs };
  }
}
