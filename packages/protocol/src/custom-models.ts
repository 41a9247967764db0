import type { ModelEntry, ModelWire, ReasoningKind } from './models.ts';

/** A model of the user's own server, as the environment describes it; what is absent is guessed. */
export interface CustomModel {
  readonly name: string;
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly price?: NonNullable<ModelEntry['price']>;
  readonly images?: boolean;
  readonly tools?: 'native' | 'xml';
  readonly reasoning?: ReasoningKind;
  /** Name of another model, of the same server or with its provider. */
  readonly fallback?: string;
}

/**
 * Reads a list like `qwen3:32b; window=131072; tools=xml; images, llama3.3`: models by commas, what is known of one by
 * semicolons. The words are `window`, `output` (tokens), `price` (`input/cached/output`, dollars per million tokens),
 * `images`, `tools` (`native`, `xml`), `reasoning` (`sealed`, `sent-back`, `dropped`, `none`) and `fallback`.
 * @throws Error whose message names the word that is wrong
 */
export function parseCustomModels(text: string): CustomModel[] {
  return text
    .split(',')
    .map((model) => model.trim())
    .filter((model) => model !== '')
    .map((model) => {
      const [name = '', ...words] = model.split(';').map((word) => word.trim());
      const bare = { name: name.replace(/^openai-compatible:/, '') };
      return Object.assign(bare, ...words.map(parseWord)) as CustomModel;
    });
}

function parseWord(word: string): Partial<CustomModel> {
  const [key = '', value = ''] = word.split('=').map((side) => side.trim());
  switch (key) {
    case 'window':
      return { contextWindow: tokens(key, value) };
    case 'output':
      return { maxOutputTokens: tokens(key, value) };
    case 'price': {
      const [input = Number.NaN, cachedInput = Number.NaN, output = Number.NaN] = value
        .split('/')
        .map(Number);
      if (![input, cachedInput, output].every((price) => price >= 0)) throw new Error('"price" is not a/b/c');
      return { price: { input, cachedInput, output } };
    }
    case 'images':
      return { images: oneOf(key, value === '' ? 'yes' : value, ['yes', 'no']) === 'yes' };
    case 'tools':
      return { tools: oneOf(key, value, ['native', 'xml']) };
    case 'reasoning':
      return { reasoning: oneOf(key, value, ['sealed', 'sent-back', 'dropped', 'none']) };
    case 'fallback':
      return { fallback: value };
    default:
      throw new Error(
        'holds a word that is none of window, output, price, images, tools, reasoning, fallback',
      );
  }
}

function tokens(key: string, value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new Error(`"${key}" is no number of tokens`);
  return count;
}

function oneOf<Word extends string>(key: string, value: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw new Error(`"${key}" is none of ${words.join(', ')}`);
  return found;
}

/** The entry of a model of the user's own server. */
export function customModel(model: CustomModel, wire: Exclude<ModelWire, 'messages'>): ModelEntry {
  const { name, fallback } = model;
  return {
    id: `openai-compatible:${name}`,
    provider: 'openai-compatible',
    wire,
    model: name,
    aliases: [name],
    // Guess: what a local server holds is not known before it is asked; small enough to be safe.
    contextWindow: model.contextWindow ?? 32_768,
    maxOutputTokens: model.maxOutputTokens ?? 4096,
    isOutputGuessed: model.maxOutputTokens === undefined,
    price: model.price ?? null,
    supports: { images: model.images ?? false, tools: model.tools ?? 'native' },
    // Some servers refuse reasoning that comes back; those that need it say so.
    reasoning: model.reasoning ?? (wire === 'responses' ? 'sealed' : 'dropped'),
    cache: 'automatic',
    fallback: fallback ?? null,
  };
}
