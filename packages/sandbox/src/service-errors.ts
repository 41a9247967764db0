import { AppError } from '@switchyard/protocol';
import { noRoomError, tooLargeError } from './path-errors.ts';

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

/** The sandbox is in another state than was thought, or its name is taken: a second look shows what to do. */
export class StateConflictError extends Error {
  constructor(cause: unknown) {
    super('The sandbox is in another state.', { cause });
    this.name = 'StateConflictError';
  }
}

/** A failure of a request, sorted: what may be tried again, and what it is to the callers of this package. */
export interface SortedFailure {
  readonly error: AppError | SandboxGoneError | StateConflictError;
  /** The request certainly had no effect, or the same request may be sent again when it may be repeated at all. */
  readonly retry: 'never' | 'when-repeatable' | 'always';
  /** What the service asked for, in milliseconds. */
  readonly retryAfterMs: number | null;
}

/**
 * In seconds or as a date. The service also names its limits in the header (`retry-after-sandbox-create`): then the longest
 * counts.
 */
function readRetryAfter(headers: ServiceError['headers'] = {}): number | null {
  const waits = Object.entries(headers).flatMap(([name, value]) => {
    if (!/^retry-after(-|$)/i.test(name)) return [];
    const seconds = Number(value);
    const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(String(value)) - Date.now();
    return Number.isFinite(waitMs) ? [Math.max(0, waitMs)] : [];
  });
  return waits.length === 0 ? null : Math.max(...waits);
}

type ErrorMaker = (cause: unknown, retryAfterMs: number | null) => SortedFailure['error'];

const failed = (detail: string) => (cause: unknown) => new AppError('sandbox_failed', detail, { cause });
const unavailable = (detail: string) => (cause: unknown) =>
  new AppError('sandbox_unavailable', detail, { cause });
/** A place comes free within minutes rather than seconds; a guess. */
const fullMs = 60_000;
const full = (detail: string) => (cause: unknown, retryAfterMs: number | null) =>
  new AppError('sandbox_limit', detail, { cause, details: { retryAfterMs: retryAfterMs ?? fullMs } });
const gone = (cause: unknown): SandboxGoneError => new SandboxGoneError(cause);
const conflict = (cause: unknown): StateConflictError => new StateConflictError(cause);

/**
 * What the Daytona service says only in words, under the statuses that its releases have used for it: the first that
 * fits is what it means. Read from its sources (`sandbox.service.ts`, `errors-for-*.ts`) and from issues on them.
 */
const byWords: readonly {
  readonly statuses: readonly number[];
  readonly words: RegExp;
  readonly error: ErrorMaker;
}[] = [
  // From the start on: a page that says that an address is not found may name any words of it.
  {
    statuses: [404, 410],
    words: /^(sandbox|workspace)( with (id|name|id or name) \S+)? not found\b/i,
    error: gone,
  },
  { statuses: [400, 409], words: /is the sandbox started|sandbox is not (started|running)/i, error: gone },
  {
    statuses: [400, 409, 422],
    words: /state change in progress|not in (a )?valid state|is not stopped|already exists/i,
    error: conflict,
  },
  // Of a file that is uploaded, in the words of its operating system.
  { statuses: [400, 500, 507], words: /no space left on device|disk quota exceeded/i, error: noRoomError },
  { statuses: [400, 500], words: /file too large/i, error: tooLargeError },
  {
    statuses: [400, 403, 422],
    words: /exceeds maximum allowed per sandbox/i,
    error: unavailable(
      'The sandbox service allows less for one sandbox than is set up here. Lower DAYTONA_CPU, DAYTONA_MEMORY_GB or DAYTONA_DISK_GB.',
    ),
  },
  {
    statuses: [400, 402, 403],
    words: /suspended|depleted/i,
    error: unavailable('The sandbox service has suspended the account of DAYTONA_API_KEY.'),
  },
  {
    statuses: [400, 402, 403, 409, 422, 503],
    words: /limit (exceeded|reached)|quota|no available runners/i,
    error: full(
      'The sandbox service has no place for another sandbox at the moment. Try again in a few minutes.',
    ),
  },
];

const took = 'The sandbox took too long to answer.';

/** By what the SDK or our own sandbox host says for programs, then by status. */
function sortByCode(error: ServiceError): Pick<SortedFailure, 'retry'> & { readonly error: ErrorMaker } {
  switch (error.code) {
    case 'SANDBOX_UNAVAILABLE':
      return { error: unavailable(error.message), retry: 'never' };
    case 'SANDBOX_NOT_FOUND':
    case 'SANDBOX_NOT_STARTED':
    case 'SANDBOX_NOT_RUNNING':
      return { error: gone, retry: 'never' };
    default:
      break;
  }
  const said = byWords.find(
    ({ statuses, words }) => statuses.includes(error.statusCode ?? 0) && words.test(error.message),
  );
  if (said) return { error: said.error, retry: 'never' };
  switch (error.statusCode) {
    case 401:
    case 403:
      return {
        error: unavailable('The sandbox service refuses the API key. Check DAYTONA_API_KEY.'),
        retry: 'never',
      };
    case 404:
    case 410:
      // Any server says this of what it does not know: nothing follows from it for the sandbox.
      return {
        error: failed('The sandbox service does not know what it was asked for. Check DAYTONA_API_URL.'),
        retry: 'never',
      };
    case 409:
      return { error: conflict, retry: 'never' };
    case 429:
      return { error: full('The sandbox service is busy. Try again in a minute.'), retry: 'always' };
    case 408:
    case 504:
      return { error: failed(took), retry: 'when-repeatable' };
    case 502:
    case 503:
      return { error: failed('The sandbox service is not available.'), retry: 'when-repeatable' };
    case undefined:
      return sortBySdk(error);
    default:
      return { error: failed('The sandbox service failed.'), retry: 'never' };
  }
}

/** What the SDK says without having got an answer: a line that broke, or a wait of its own that came to no good end. */
function sortBySdk({ name }: ServiceError): ReturnType<typeof sortByCode> {
  switch (name) {
    case 'DaytonaConnectionTimeoutError':
      return { error: failed(took), retry: 'when-repeatable' };
    case 'DaytonaTimeoutError':
      return { error: failed(took), retry: 'never' };
    case 'DaytonaError':
      return { error: failed('The sandbox could not be started.'), retry: 'never' };
    default:
      return { error: failed('The sandbox service cannot be reached.'), retry: 'when-repeatable' };
  }
}

/**
 * Sorts whatever a call of the SDK threw. The service's own words go to the log by `cause` and never further (they
 * may be "[object Object]" or name hosts), except the reason why a machine cannot start sandboxes, which our own
 * sandbox host writes for people to read.
 */
export function sortFailure(thrown: unknown): SortedFailure {
  if (thrown instanceof DeadlineError) {
    return { error: failed(took)(thrown), retry: 'when-repeatable', retryAfterMs: null };
  }
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as ServiceError;
  const retryAfterMs = readRetryAfter(error.headers);
  const sorted = sortByCode(error);
  return { error: sorted.error(thrown, retryAfterMs), retry: sorted.retry, retryAfterMs };
}
