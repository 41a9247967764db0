/** How a model's provider is reached: each names a client in `agent`. */
export type ModelProvider = 'openai' | 'openai-compatible' | 'anthropic' | 'scripted';

/** One model that runs may name. Prices in US dollars per million tokens; null = not known, so cost is null. */
export interface ModelEntry {
  /** `provider:model`, what runs store. */
  readonly id: string;
  readonly provider: ModelProvider;
  /** The name on the provider's wire. */
  readonly model: string;
  readonly aliases: readonly string[];
  readonly contextWindow: number;
  readonly maxOutputTokens: number;
  readonly price: { readonly input: number; readonly cachedInput: number; readonly output: number } | null;
  readonly supports: { readonly images: boolean; readonly tools: 'native' | 'xml' };
  readonly fallback: string | null;
}

/** The one local model that needs no key; its answers say what it is. */
export const scriptedModel: ModelEntry = {
  id: 'scripted:demo',
  provider: 'scripted',
  model: 'scripted-demo',
  aliases: ['scripted'],
  contextWindow: 128_000,
  maxOutputTokens: 16_384,
  price: { input: 0, cachedInput: 0, output: 0 },
  supports: { images: false, tools: 'native' },
  fallback: null,
};

export interface ModelEnvironment {
  readonly hasOpenaiKey: boolean;
  /** True when OPENAI_BASE_URL names a server of the user's own (Ollama, vLLM, LiteLLM, OpenRouter, …). */
  readonly hasCustomBaseUrl: boolean;
  readonly hasAnthropicKey: boolean;
  /** `MODEL`: the default model; on a custom base URL also its only known name. */
  readonly defaultModel: string | null;
  readonly hasScriptedServer: boolean;
}

const knownModels: readonly ModelEntry[] = [
  {
    id: 'openai:gpt-5',
    provider: 'openai',
    model: 'gpt-5',
    aliases: ['gpt-5'],
    contextWindow: 400_000,
    maxOutputTokens: 128_000,
    price: { input: 1.25, cachedInput: 0.125, output: 10 },
    supports: { images: true, tools: 'native' },
    fallback: 'openai:gpt-5-mini',
  },
  {
    id: 'openai:gpt-5-mini',
    provider: 'openai',
    model: 'gpt-5-mini',
    aliases: ['gpt-5-mini'],
    contextWindow: 400_000,
    maxOutputTokens: 128_000,
    price: { input: 0.25, cachedInput: 0.025, output: 2 },
    supports: { images: true, tools: 'native' },
    fallback: null,
  },
  {
    id: 'anthropic:claude-sonnet-4-5',
    provider: 'anthropic',
    model: 'claude-sonnet-4-5',
    aliases: ['claude-sonnet-4-5'],
    contextWindow: 200_000,
    maxOutputTokens: 64_000,
    price: { input: 3, cachedInput: 0.3, output: 15 },
    supports: { images: true, tools: 'native' },
    fallback: null,
  },
];

/**
 * The models that runs may name in this environment, the default one first. Gateway and worker both derive it from the
 * same variables, so that what the gateway accepts the worker can run.
 */
export function modelCatalog(environment: ModelEnvironment): readonly ModelEntry[] {
  const available = knownModels.filter(
    (entry) =>
      (entry.provider === 'openai' && environment.hasOpenaiKey && !environment.hasCustomBaseUrl) ||
      (entry.provider === 'anthropic' && environment.hasAnthropicKey),
  );
  if (environment.hasCustomBaseUrl && environment.defaultModel) {
    available.unshift(customModel(environment.defaultModel));
  }
  if (environment.hasScriptedServer) available.push(scriptedModel);
  const wanted = environment.defaultModel ? findModel(available, environment.defaultModel) : undefined;
  return wanted ? [wanted, ...available.filter((entry) => entry !== wanted)] : available;
}

function customModel(name: string): ModelEntry {
  return {
    id: `openai-compatible:${name}`,
    provider: 'openai-compatible',
    model: name,
    aliases: [name],
    // Guess: what a local server holds is not known before it is asked; small enough to be safe.
    contextWindow: 32_768,
    maxOutputTokens: 4096,
    price: null,
    supports: { images: false, tools: 'native' },
    fallback: null,
  };
}

/** The entry that an id or alias names. */
export function findModel(catalog: readonly ModelEntry[], name: string): ModelEntry | undefined {
  return catalog.find((entry) => entry.id === name || entry.aliases.includes(name));
}
