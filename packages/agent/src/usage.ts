import { type ModelEntry, noUsage, type Usage } from '@switchyard/protocol';
import type { LanguageModelUsage } from 'ai';
import { tokensOf } from './context/estimate.ts';

/** What is known of a model call's tokens, ours where the provider said nothing: of the request, and of so many characters. */
export function usageOf(
  reported: LanguageModelUsage | null,
  estimate: { readonly requestTokens: number; readonly writtenLength: number },
): Usage {
  const input = countedInput(reported);
  // Beside an input that was not counted, a zero says nothing of the output either.
  const output = input === null ? reported?.outputTokens || undefined : reported?.outputTokens;
  const inputTokens = input ?? estimate.requestTokens;
  const outputTokens = output ?? tokensOf(estimate.writtenLength);
  return {
    inputTokens,
    cachedInputTokens: Math.min(reported?.inputTokenDetails.cacheReadTokens ?? 0, inputTokens),
    outputTokens,
    totalTokens: inputTokens + outputTokens,
    estimated: input === null || output === undefined,
  };
}

/**
 * Tokens of a request as its provider counted them; null when it did not. No request is empty, but some servers write
 * zeros in place of what they did not count.
 */
export function countedInput(reported: LanguageModelUsage | null): number | null {
  return reported?.inputTokens || null;
}

export function addUsage(left: Usage, right: Usage): Usage {
  return {
    inputTokens: left.inputTokens + right.inputTokens,
    cachedInputTokens: left.cachedInputTokens + right.cachedInputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    totalTokens: left.totalTokens + right.totalTokens,
    estimated: left.estimated || right.estimated,
  };
}

/** What the attempts of one step cost together, each by the price of the model that was asked. */
export interface Spent {
  readonly usage: Usage;
  /** Null when a price is not known. */
  readonly costUsd: number | null;
}

export const nothingSpent: Spent = { usage: noUsage, costUsd: 0 };

export function addSpent(left: Spent, right: Spent): Spent {
  const isKnown = left.costUsd !== null && right.costUsd !== null;
  return {
    usage: addUsage(left.usage, right.usage),
    costUsd: isKnown ? left.costUsd + right.costUsd : null,
  };
}

/** Tokens of the input that the provider keeps for later requests, as it reports them. */
export function cacheWritesOf(reported: LanguageModelUsage | null): number {
  return reported?.inputTokenDetails.cacheWriteTokens ?? 0;
}

/** In US dollars; null when the model's price is not known. `cacheWrites` are a part of the input. */
export function costOf(usage: Usage, price: ModelEntry['price'], cacheWrites = 0): number | null {
  if (price === null) return null;
  const uncached = usage.inputTokens - usage.cachedInputTokens;
  const written = Math.min(cacheWrites, uncached);
  return (
    ((uncached - written) * price.input +
      written * (price.cacheWrite ?? price.input) +
      usage.cachedInputTokens * price.cachedInput +
      usage.outputTokens * price.output) /
    1_000_000
  );
}
