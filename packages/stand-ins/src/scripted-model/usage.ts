import type { Answer } from './answer.ts';
import type { WireUsage } from './wire.ts';

/** Characters a token, about right for English text and code (a rule of thumb that providers publish). */
const charactersPerToken = 4;

/** What a request and its answer cost: as the scenario states it, else estimated from their lengths. */
export function usageOf(options: {
  readonly answer: Answer;
  readonly requestCharacters: number;
  readonly sentCharacters: number;
}): WireUsage {
  const stated = options.answer.usage;
  const input = stated?.inputTokens ?? tokens(options.requestCharacters);
  const output = stated?.outputTokens ?? tokens(options.sentCharacters);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: stated?.cachedInputTokens ?? 0 },
  };
}

function tokens(characters: number): number {
  return Math.max(1, Math.ceil(characters / charactersPerToken));
}
