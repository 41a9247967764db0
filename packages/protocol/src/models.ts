import { type CustomModel, customModel } from './custom-models.ts';
import { knownModels } from './known-models.ts';

/** How a model's provider is reached: each names a connection in `agent`. */
export type ModelProvider = 'openai' | 'openai-compatible' | 'anthropic' | 'scripted';

/** The protocol that is spoken: Chat Completions, OpenAI's Responses, Anthropic's Messages. */
export type ModelWire = 'chat' | 'responses' | 'messages';

/**
 * What becomes of a model's reasoning in the requests that follow. `sealed`: it comes with the provider's seal and goes
 * back with it, to this provider alone. `sent-back`: it goes back as text. `dropped`: it is shown and never sent. `none`:
 * the model shows none.
 */
export type ReasoningKind = 'sealed' | 'sent-back' | 'dropped' | 'none';

/** One model that runs may name. Prices in US dollars per million tokens; null = not known, so cost is null. */
export interface ModelEntry {
  /** `provider:model`, what runs store. */
  readonly id: string;
  readonly provider: ModelProvider;
  readonly wire: ModelWire;
  /** The name on the provider's wire. */
  readonly model: string;
  readonly aliases: readonly string[];
  readonly contextWindow: number;
  readonly maxOutputTokens: number;
  /** The limit is a guess: room is kept for such an answer, and the server is told nothing of it. */
  readonly isOutputGuessed?: boolean;
  readonly price: {
    readonly input: number;
    readonly cachedInput: number;
    /** Of input that the provider keeps for later requests; absent: what other input costs. */
    readonly cacheWrite?: number;
    readonly output: number;
  } | null;
  /** `xml`: its calls are written as text, for servers whose models have no calls of their own. */
  readonly supports: { readonly images: boolean; readonly tools: 'native' | 'xml' };
  readonly reasoning: ReasoningKind;
  /** `markers`: what is to be cached must be marked; `automatic`: the provider caches equal beginnings, or nothing. */
  readonly cache: 'automatic' | 'markers';
  /** Id of the model that is asked while this one's provider is overloaded; ignored where it is not available. */
  readonly fallback: string | null;
}

/** The one local model that needs no key; its answers say what it is. */
export const scriptedModel: ModelEntry = {
  id: 'scripted:demo',
  provider: 'scripted',
  wire: 'chat',
  model: 'scripted-demo',
  aliases: ['scripted'],
  contextWindow: 128_000,
  maxOutputTokens: 16_384,
  price: { input: 0, cachedInput: 0, output: 0 },
  supports: { images: false, tools: 'native' },
  reasoning: 'dropped',
  cache: 'automatic',
  fallback: null,
};

export interface ModelEnvironment {
  readonly hasOpenaiKey: boolean;
  /** True when OPENAI_BASE_URL names a server of the user's own (Ollama, vLLM, LiteLLM, OpenRouter, …). */
  readonly hasCustomBaseUrl: boolean;
  readonly hasAnthropicKey: boolean;
  /** `MODEL`: the default model, by id or alias; on a custom base URL also one that need not be named elsewhere. */
  readonly defaultModel: string | null;
  /** What the custom base URL offers, and the protocol that it speaks (chat when absent). */
  readonly customModels?: readonly CustomModel[];
  readonly customWire?: 'chat' | 'responses';
  readonly hasScriptedServer: boolean;
}

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
  if (environment.hasScriptedServer) available.push(scriptedModel);
  if (environment.hasCustomBaseUrl) {
    const { customModels = [], customWire = 'chat', defaultModel } = environment;
    const offered = customModels.map((model) => customModel(model, customWire));
    const isNamed = [...offered, ...available].some((entry) => isCalled(entry, defaultModel ?? ''));
    const name = defaultModel === null || isNamed ? null : customNameOf(defaultModel);
    if (name !== null) offered.unshift(customModel({ name }, customWire));
    available.unshift(...offered);
  }
  const wanted = environment.defaultModel ? findModel(available, environment.defaultModel) : undefined;
  return wanted ? [wanted, ...available.filter((entry) => entry !== wanted)] : available;
}

/** The name on the wire of the user's own server; null for the id of a model that another provider has. */
function customNameOf(name: string): string | null {
  return /^(openai|anthropic|scripted):/.test(name) ? null : name.replace(/^openai-compatible:/, '');
}

/** The entry that an id or alias names. */
export function findModel(catalog: readonly ModelEntry[], name: string): ModelEntry | undefined {
  return catalog.find((entry) => isCalled(entry, name));
}

function isCalled(entry: ModelEntry, name: string): boolean {
  return entry.id === name || entry.aliases.includes(name);
}
