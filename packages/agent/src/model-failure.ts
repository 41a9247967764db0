import { APICallError } from 'ai';

/** A model call that failed, as the loop, the log and the run's owner need it. */
export interface ModelFailure {
  /** The same request may succeed later. */
  readonly isRetryable: boolean;
  /** What the server asked us to wait; null when it said nothing. */
  readonly retryAfterMs: number | null;
  /** Fit for end users: no key, no address, no stack. */
  readonly detail: string;
  /** For the log alone. */
  readonly cause: unknown;
}

/** The model sent nothing for so long that we gave it up. */
export class ModelStalledError extends Error {
  constructor(ms: number) {
    super(`The model sent nothing for ${Math.round(ms / 1000)} s.`);
    this.name = 'ModelStalledError';
  }
}

/** The answer ended well and held nothing at all. */
export class EmptyAnswerError extends Error {
  constructor() {
    super('The model gave an empty answer.');
    this.name = 'EmptyAnswerError';
  }
}

export function describeModelFailure(error: unknown, now = Date.now()): ModelFailure {
  if (APICallError.isInstance(error)) return describeCall(error, now);
  if (error instanceof ModelStalledError || error instanceof EmptyAnswerError) {
    return { isRetryable: true, retryAfterMs: null, detail: error.message, cause: error };
  }
  return brokenOff(error);
}

/** Cut sockets, broken frames, errors that the server wrote into the stream: another attempt may do. */
function brokenOff(cause: unknown): ModelFailure {
  return { isRetryable: true, retryAfterMs: null, detail: "The model's answer broke off.", cause };
}

function describeCall(error: APICallError, now: number): ModelFailure {
  const { statusCode: status } = error;
  const common = { retryAfterMs: retryAfterOf(error.responseHeaders, now), cause: error };
  if (status === undefined) {
    return { ...common, isRetryable: true, detail: "The model's server cannot be reached." };
  }
  // The head of the answer was good, its body was not.
  if (status < 400) return brokenOff(error);
  if (status === 401 || status === 403) {
    return { ...common, isRetryable: false, detail: "The model's server refused our credentials." };
  }
  if (status === 404) {
    return { ...common, isRetryable: false, detail: "The model's server does not know this model." };
  }
  if (status === 429) {
    return { ...common, isRetryable: true, detail: "The model's server has too many requests (429)." };
  }
  const isRetryable = status === 408 || status === 409 || status >= 500;
  if (isRetryable) return { ...common, isRetryable, detail: `The model's server failed (${status}).` };
  return {
    ...common,
    isRetryable,
    detail: `The model's server refused the request (${status}). ${quote(error)}`,
  };
}

/** What the server says of a refused request is what helps; a key or address that it repeats is left out. */
function quote(error: APICallError): string {
  return error.message
    .replaceAll(/\b(sk|pk|key|sy)[-_][\w*.-]{6,}/gi, '…')
    .replaceAll(/\bBearer\s+\S+/gi, '…')
    .replaceAll(/\bhttps?:\/\/\S+/gi, '…')
    .slice(0, 300);
}

/** `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110). */
function retryAfterOf(headers: Readonly<Record<string, string>> | undefined, now: number): number | null {
  const exact = Number.parseFloat(headers?.['retry-after-ms'] ?? '');
  if (Number.isFinite(exact)) return Math.max(0, exact);
  const text = headers?.['retry-after'];
  if (text === undefined) return null;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
