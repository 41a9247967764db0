import type { FinishReason } from 'ai';
import { BrokenAnswerError } from './model-failure.ts';

/** Why a whole answer came to its end. */
export type WholeReason = Exclude<FinishReason, 'error' | 'interrupted'>;

/** The end of a whole answer. */
export interface Finish {
  readonly finishReason: WholeReason;
  /** It was cut since nothing more fits into the model's window: a longer conversation has no room for any answer. */
  readonly isWindowFull: boolean;
}

/**
 * The words by which servers say that they broke an answer off: OpenRouter (`error`, its docs on errors in streams),
 * DeepSeek (`insufficient_system_resource`), GLM (`network_error`), vLLM (`abort`, its `RequestStatus`). The SDK makes
 * `other` of each, as of words that it does not know yet.
 */
const failureWords: ReadonlySet<string> = new Set([
  'error',
  'insufficient_system_resource',
  'network_error',
  'abort',
]);

/** Anthropic's word. */
const windowFullWord = 'model_context_window_exceeded';

/**
 * How an answer ended, by the SDK's word for it and the server's own (null: it did not); a BrokenAnswerError when it is not whole, however
 * much of it came. An unknown word is no failure: what was answered stands.
 */
export function finishOf(
  end: { readonly finishReason: FinishReason; readonly rawFinishReason: string | undefined } | null,
): Finish | BrokenAnswerError {
  if (end === null) return new BrokenAnswerError('The stream ended without a finish.');
  const { finishReason, rawFinishReason: raw = '' } = end;
  if (failureWords.has(raw)) return new BrokenAnswerError(`The server ended the answer by "${raw}".`);
  if (raw === windowFullWord) return { finishReason: 'length', isWindowFull: true };
  switch (finishReason) {
    case 'error':
      return new BrokenAnswerError('The provider failed.');
    case 'interrupted':
      return new BrokenAnswerError('The stream was interrupted.');
    case 'stop':
    case 'length':
    case 'content-filter':
    case 'tool-calls':
    case 'other':
      return { finishReason, isWindowFull: false };
  }
}
