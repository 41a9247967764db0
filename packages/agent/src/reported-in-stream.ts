import { StreamProviderError, TypeValidationError } from 'ai';
import { isContextOverflow } from './context-overflow.ts';

/** What a server wrote into a stream in the place of an answer, as the refusal that it would have been. */
export interface Reported {
  /** As of HTTP. */
  readonly status: number;
  readonly message: string;
  /** What else it said of the failure. */
  readonly body?: string | undefined;
}

/**
 * What servers call a refusal that bears no number, in `type` or `code`: OpenAI and those that copy it, Anthropic (its
 * docs on errors), llama.cpp. The first that fits: OpenAI names the kind in `type` and what it is in `code`.
 */
const statuses: readonly (readonly [RegExp, number])[] = [
  [/overloaded/i, 529],
  [/insufficient_quota|rate_limit/i, 429],
  [/authentication|invalid_api_key/i, 401],
  [/permission/i, 403],
  [/not_found/i, 404],
  [/request_too_large/i, 413],
  [/invalid_request/i, 400],
];

/** The refusal that a failure in mid-stream tells of; null when it says too little to tell. */
export function reportedInStream(error: unknown): Reported | null {
  const said = saidIn(error);
  if (typeof said === 'string') return isContextOverflow(said) ? { status: 400, message: said } : null;
  if (typeof said !== 'object' || said === null) return null;
  const { statusCode, code, type, message } = said as Readonly<Record<string, unknown>>;
  if (typeof message !== 'string') return null;
  const body = JSON.stringify({ code, type });
  const named = statuses.find(([word]) => word.test(body))?.[1];
  // A number that the server wrote goes before its words, and they before one that the SDK inferred.
  const status = statusOf(code) ?? named ?? statusOf(statusCode);
  if (status !== undefined) return { status, message, body };
  return isContextOverflow(`${message} ${body}`) ? { status: 400, message, body } : null;
}

/** What the server said. Errors of ours and of the SDK are none of it; their texts may quote what the model wrote. */
function saidIn(error: unknown): unknown {
  // A frame in a shape that the SDK does not know: `error` is a text, or stands at the top.
  if (TypeValidationError.isInstance(error)) {
    const frame = error.value as { readonly error?: unknown; readonly object?: unknown } | null;
    return frame?.error ?? (frame?.object === 'error' ? frame : null);
  }
  return error instanceof Error && !StreamProviderError.isInstance(error) ? null : error;
}

function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value;
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : undefined;
}
