import type { ModelEntry } from '@switchyard/protocol';
import { tokensOf } from './estimate.ts';

/** Shares of the budget at which room is made; both guesses, early enough for an estimate that is wrong by a fifth. */
const pruneAt = 0.6;
const summariseAt = 0.8;

/** A batch that saves less, as a share of the budget, is not worth a provider's cache; a guess. */
const worthwhile = 0.1;

/** A conversation that is a smaller share of the budget gains nothing by a summary; a guess. */
const worthSummarising = 0.2;

/** Tokens that a request may have: the window without the room for the answer, but never less than half of the window. */
export function contextBudget({
  contextWindow,
  maxOutputTokens,
}: Pick<ModelEntry, 'contextWindow' | 'maxOutputTokens'>): number {
  return contextWindow - Math.min(maxOutputTokens, Math.floor(contextWindow / 2));
}

/** How large the next request is: what the provider counted of the last one, and an estimate of what came since. */
export interface ContextMeter {
  /** In tokens, of a request of so many characters. */
  sizeOf(characters: number): number;
  /** Told after each answer; null when the provider counted nothing. */
  answered(request: { readonly characters: number; readonly inputTokens: number | null }): void;
}

/** Knows nothing at first, as after a change of the worker: until the first answer it estimates all of a request. */
export function createContextMeter(): ContextMeter {
  let last = { characters: 0, inputTokens: 0 };
  return {
    sizeOf(characters) {
      return Math.max(0, last.inputTokens + tokensOf(characters - last.characters));
    },
    answered({ characters, inputTokens }) {
      last = inputTokens === null ? { characters: 0, inputTokens: 0 } : { characters, inputTokens };
    },
  };
}

/** What is done about the size of a request. */
export type ContextPlan = 'nothing' | 'prune' | 'summarise';

/** Pure; all in tokens. `saved`: by the batch of old results that could be left out; `conversation`: without the prompt. */
export function planContext(request: {
  readonly budget: number;
  readonly size: number;
  readonly saved: number;
  readonly conversation: number;
}): ContextPlan {
  const { budget, size, saved, conversation } = request;
  if (size < budget * pruneAt) return 'nothing';
  const isEnough = size - saved < budget * summariseAt;
  if (saved >= budget * worthwhile && isEnough) return 'prune';
  if (size < budget * summariseAt) return 'nothing';
  if (conversation >= budget * worthSummarising) return 'summarise';
  return 'nothing';
}
