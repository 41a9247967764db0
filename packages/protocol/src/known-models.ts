import type { ModelEntry } from './models.ts';

/** Of the price of input; what Anthropic publishes for a cache of five minutes, the kind that our markers ask for. */
const cacheWriteFactor = 1.25;

/** The models of OpenAI and Anthropic that are known by name. Windows and prices are those that the two publish. */
export const knownModels: readonly ModelEntry[] = [
  openai('gpt-5', { price: [1.25, 0.125, 10], fallback: 'openai:gpt-5-mini' }),
  openai('gpt-5.1', { price: [1.25, 0.125, 10], fallback: 'openai:gpt-5-mini' }),
  openai('gpt-5-mini', { price: [0.25, 0.025, 2], fallback: null }),
  openai('gpt-5-nano', { price: [0.05, 0.005, 0.4], fallback: 'openai:gpt-5-mini' }),
  {
    ...openai('gpt-4.1', { price: [2, 0.5, 8], fallback: 'openai:gpt-5-mini' }),
    contextWindow: 1_047_576,
    maxOutputTokens: 32_768,
    reasoning: 'none',
  },
  anthropic('claude-sonnet-4-5', { price: [3, 0.3, 15], fallback: 'anthropic:claude-haiku-4-5' }),
  anthropic('claude-opus-4-5', { price: [5, 0.5, 25], fallback: 'anthropic:claude-sonnet-4-5' }),
  anthropic('claude-haiku-4-5', { price: [1, 0.1, 5], fallback: null }),
];

interface Differences {
  /** Input, cached input, output. */
  readonly price: readonly [number, number, number];
  readonly fallback: string | null;
}

function openai(model: string, { price: [input, cachedInput, output], fallback }: Differences): ModelEntry {
  return {
    id: `openai:${model}`,
    provider: 'openai',
    wire: 'responses',
    model,
    aliases: [model],
    contextWindow: 400_000,
    maxOutputTokens: 128_000,
    price: { input, cachedInput, output },
    supports: { images: true, tools: 'native' },
    reasoning: 'sealed',
    cache: 'automatic',
    fallback,
  };
}

function anthropic(
  model: string,
  { price: [input, cachedInput, output], fallback }: Differences,
): ModelEntry {
  return {
    id: `anthropic:${model}`,
    provider: 'anthropic',
    wire: 'messages',
    model,
    aliases: [model],
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    price: { input, cachedInput, cacheWrite: cacheWriteFactor * input, output },
    supports: { images: true, tools: 'native' },
    reasoning: 'sealed',
    cache: 'markers',
    fallback,
  };
}
