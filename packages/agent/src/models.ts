import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AppError, findModel, type ModelEntry } from '@switchyard/protocol';
import type { JSONValue, LanguageModel } from 'ai';

/** Where the providers are and what opens them. */
export interface ModelConnections {
  readonly openaiApiKey: string | null;
  /** With it every OpenAI-compatible model is asked there; null: OpenAI itself. */
  readonly openaiBaseUrl: string | null;
  readonly anthropicApiKey: string | null;
  /** Of the scripted model server, with or without its `/v1`; null: there is none. */
  readonly scriptedModelUrl: string | null;
}

/** A model that can be asked. */
export interface Model {
  readonly entry: ModelEntry;
  readonly client: Exclude<LanguageModel, string>;
  /** What each request tells this provider beside the prompt. */
  readonly providerOptions: Readonly<Record<string, Record<string, JSONValue>>>;
}

/** Opens models by the id that a run names. Clients are made once each. */
export type Models = (modelId: string) => Model;

/**
 * @throws AppError `unknown_model` for an id that is not in the catalog, `unavailable` when its connection is not set
 */
export function createModels(catalog: readonly ModelEntry[], connections: ModelConnections): Models {
  const models = new Map<string, Model>();
  return (modelId) => {
    const entry = findModel(catalog, modelId);
    if (!entry) throw new AppError('unknown_model', `The model "${modelId}" is not available here.`);
    const known = models.get(entry.id);
    if (known) return known;
    const model = { entry, ...openModel(entry, connections) };
    models.set(entry.id, model);
    return model;
  };
}

function openModel(entry: ModelEntry, connections: ModelConnections): Omit<Model, 'entry'> {
  switch (entry.provider) {
    case 'openai':
      return {
        client: createOpenAI({ apiKey: connected(connections.openaiApiKey, entry) })(entry.model),
        // Nothing of a conversation stays with the provider; reasoning travels with the history instead.
        providerOptions: { openai: { store: false } },
      };
    case 'openai-compatible':
      return compatible(entry, connected(connections.openaiBaseUrl, entry), connections.openaiApiKey);
    case 'anthropic':
      return {
        client: createAnthropic({ apiKey: connected(connections.anthropicApiKey, entry) })(entry.model),
        providerOptions: {},
      };
    case 'scripted':
      return compatible(entry, withVersion(connected(connections.scriptedModelUrl, entry)), null);
  }
}

function compatible(entry: ModelEntry, baseURL: string, apiKey: string | null): Omit<Model, 'entry'> {
  const provider = createOpenAICompatible({
    name: entry.provider,
    baseURL,
    // Local servers want none, and some refuse an empty one.
    ...(apiKey === null ? {} : { apiKey }),
    includeUsage: true,
  });
  return { client: provider.chatModel(entry.model), providerOptions: {} };
}

function withVersion(url: string): string {
  return /\/v\d+\/?$/.test(url) ? url : `${url.replace(/\/+$/, '')}/v1`;
}

function connected(value: string | null, entry: ModelEntry): string {
  if (value === null)
    throw new AppError('unavailable', `The connection of the model "${entry.id}" is not set up.`);
  return value;
}
