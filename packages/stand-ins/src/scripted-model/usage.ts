import type { Answer } from './answer.ts';
import type { AnswerUsage } from './wires/wire-format.ts';

/** Characters a token, about right for English text and code (a rule of thumb that providers publish). */
const charactersPerToken = 4;

/** What a request and its answer cost: as the scenario states it, else estimated from their lengths; null: unsaid. */
export function usageOf(options: {
  readonly answer: Answer;
  readonly requestCharacters: number;
  readonly sentCharacters: number;
}): AnswerUsage | null {
  const stated = options.answer.usage;
  if (stated === 'absent') return null;
  return {
    inputTokens: stated?.inputTokens ?? tokens(options.requestCharacters),
    cachedInputTokens: stated?.cachedInputTokens ?? 0,
    cacheWriteTokens: stated?.cacheWriteTokens ?? 0,
    outputTokens: stated?.outputTokens ?? tokens(options.sentCharacters),
  };
}

function tokens(characters: number): number {
  return Math.max(1, Math.ceil(characters / charactersPerToken));
}
