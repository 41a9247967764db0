import { APICallError } from 'ai';
import { isContextOverflow } from './context-overflow.ts';
import { type Reported, reportedInStream } from './reported-in-stream.ts';

/** A model call that failed, as the loop, the log and the run's owner need it. */
export interface ModelFailure {
  /**
   * `overloaded`: the provider said that it has too much to do, so another is better asked. `context-overflow`: the
   * conversation is longer than the model's window; the same request never succeeds.
   */
  readonly kind: 'overloaded' | 'context-overflow' | 'other';
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

/** The output limit came before the answer: asked the same again, a model thinks as long, and all of it is paid. */
export class UnansweredError extends Error {
  constructor() {
    super('The model used all of its output limit before it gave an answer.');
    this.name = 'UnansweredError';
  }
}

/** The window had no room for an answer to a request that fitted into it. */
export class WindowFullError extends Error {
  constructor() {
    super("The model's context window was full before it gave an answer.");
    this.name = 'WindowFullError';
  }
}

/** The answer's stream came to an end that no provider means. */
export class BrokenAnswerError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'BrokenAnswerError';
  }
}

export function describeModelFailure(error: unknown, now = Date.now()): ModelFailure {
  if (APICallError.isInstance(error)) {
    const { statusCode, responseHeaders, responseBody, message } = error;
    const retryAfterMs = retryAfterOf(responseHeaders, now);
    if (statusCode === undefined) {
      const detail = "The model's server cannot be reached.";
      return { kind: 'other', isRetryable: true, retryAfterMs, detail, cause: error };
    }
    // The head of the answer was good, its body was not.
    if (statusCode < 400) return brokenOff(error);
    return describeStatus({ status: statusCode, retryAfterMs, message, body: responseBody, cause: error });
  }
  if (error instanceof ModelStalledError || error instanceof EmptyAnswerError) {
    return { kind: 'other', isRetryable: true, retryAfterMs: null, detail: error.message, cause: error };
  }
  if (error instanceof UnansweredError) {
    return { kind: 'other', isRetryable: false, retryAfterMs: null, detail: error.message, cause: error };
  }
  if (error instanceof WindowFullError) {
    const { message: detail } = error;
    return { kind: 'context-overflow', isRetryable: false, retryAfterMs: null, detail, cause: error };
  }
  const reported = reportedInStream(error);
  return reported === null
    ? brokenOff(error)
    : describeStatus({ ...reported, retryAfterMs: null, cause: error });
}

/** Cut sockets, broken frames, failures that the server wrote into the stream: another attempt may do. */
function brokenOff(cause: unknown): ModelFailure {
  const detail = "The model's answer broke off.";
  return { kind: 'other', isRetryable: true, retryAfterMs: null, detail, cause };
}

function describeStatus(failed: Reported & Pick<ModelFailure, 'retryAfterMs' | 'cause'>): ModelFailure {
  const { status, message, body = '', retryAfterMs, cause } = failed;
  const refused = (detail: string): ModelFailure => ({
    kind: 'other',
    isRetryable: false,
    retryAfterMs,
    detail,
    cause,
  });
  if (status === 401 || status === 403) return refused("The model's server refused our credentials.");
  if (status === 404) return refused("The model's server does not know this model.");
  if (status === 413 || (status < 500 && status !== 429 && isContextOverflow(`${message} ${body}`))) {
    const detail = "The conversation is longer than the model's context window.";
    return { ...refused(detail), kind: 'context-overflow' };
  }
  // Another attempt gets no more money into the account.
  if (status === 429 && /insufficient_quota/.test(body)) {
    return { ...refused("The quota at the model's provider is used up."), kind: 'overloaded' };
  }
  if (status === 408 || status === 409 || status === 429 || status >= 500) {
    const detail =
      status === 429
        ? "The model's server has too many requests (429)."
        : `The model's server failed (${status}).`;
    const isOverloaded = status === 529 || (status === 503 && /overloaded/i.test(`${message} ${body}`));
    const kind = isOverloaded ? 'overloaded' : 'other';
    return { kind, isRetryable: true, retryAfterMs, detail, cause };
  }
  return refused(`The model's server refused the request (${status}). ${quote(message)}`);
}

/** What the server says of a refused request is what helps; a key or address that it repeats is left out. */
function quote(message: string): string {
  return message
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
