import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AppError, findModel, type ModelEntry } from '@switchyard/protocol';
import type { JSONValue } from 'ai';
import { adapted, type Client } from './dialect/client.ts';

/** Where the providers are and what opens them. */
export interface ModelConnections {
  readonly openaiApiKey: string | null;
  /** With it every OpenAI-compatible model is asked there; null: OpenAI itself. */
  readonly openaiBaseUrl: string | null;
  /** Whether OpenAI is asked to tell what its models think; absent or null: it is not. */
  readonly openaiReasoningSummary?: string | null;
  readonly anthropicApiKey: string | null;
  /** Absent or null: Anthropic itself. */
  readonly anthropicBaseUrl?: string | null;
  /** Of the scripted model server, with or without its `/v1`; null: there is none. */
  readonly scriptedModelUrl: string | null;
}

/** A model that can be asked. */
export interface Model {
  readonly entry: ModelEntry;
  readonly client: Client;
  /** What each request tells this provider beside the prompt. */
  readonly providerOptions: Readonly<Record<string, Record<string, JSONValue>>>;
  /** Tokens that an answer may have; null: the server decides. */
  readonly maxOutputTokens: number | null;
  /** Tokens of thinking that an answer may have beside them. */
  readonly thinkingTokens: number;
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
    const opened = openModel(entry, connections);
    const model = { ...opened, entry, client: adapted(opened.client, entry) };
    models.set(entry.id, model);
    return model;
  };
}

type OpenedModel = Omit<Model, 'entry'>;

interface Server {
  readonly baseURL: string;
  /** Local servers want none, and some refuse an empty one. */
  readonly apiKey: string | null;
}

function openModel(entry: ModelEntry, connections: ModelConnections): OpenedModel {
  const server = serverOf(entry, connections);
  switch (entry.wire) {
    case 'chat':
      return openChat(entry, server);
    case 'responses':
      return openResponses(entry, server, connections.openaiReasoningSummary ?? null);
    case 'messages':
      return openMessages(entry, server);
  }
}

/** Each address is named: a client that is told none would look into the environment. */
function serverOf(entry: ModelEntry, connections: ModelConnections): Server {
  switch (entry.provider) {
    case 'openai':
      return { baseURL: 'https://api.openai.com/v1', apiKey: connected(connections.openaiApiKey, entry) };
    case 'openai-compatible':
      return { baseURL: connected(connections.openaiBaseUrl, entry), apiKey: connections.openaiApiKey };
    case 'anthropic':
      return {
        baseURL: withVersion(connections.anthropicBaseUrl ?? 'https://api.anthropic.com'),
        apiKey: connected(connections.anthropicApiKey, entry),
      };
    case 'scripted':
      return { baseURL: withVersion(connected(connections.scriptedModelUrl, entry)), apiKey: null };
  }
}

function openChat(entry: ModelEntry, { baseURL, apiKey }: Server): OpenedModel {
  const key = apiKey === null ? {} : { apiKey };
  const provider = createOpenAICompatible({ name: entry.provider, baseURL, ...key, includeUsage: true });
  return {
    client: provider.chatModel(entry.model),
    providerOptions: {},
    maxOutputTokens: outputLimitOf(entry),
    thinkingTokens: 0,
  };
}

function openResponses(entry: ModelEntry, { baseURL, apiKey }: Server, summary: string | null): OpenedModel {
  const isSealed = entry.reasoning === 'sealed';
  return {
    client: createOpenAI({ baseURL, apiKey: apiKey ?? noKey }).responses(entry.model),
    providerOptions: {
      openai: {
        // Nothing of a conversation stays with the provider; reasoning travels with the history instead.
        store: false,
        ...(isSealed ? { include: ['reasoning.encrypted_content'] } : {}),
        ...(isSealed && summary !== null ? { reasoningSummary: summary } : {}),
      },
    },
    maxOutputTokens: outputLimitOf(entry),
    thinkingTokens: 0,
  };
}

/** Without a limit some servers go on for ever with what a model that is caught in a loop writes. */
function outputLimitOf({ provider, maxOutputTokens, isOutputGuessed }: ModelEntry): number | null {
  // OpenAI ends answers there by itself, and counts a limit that it is told against the account's tokens per minute.
  if (provider === 'openai') return null;
  // A server that has a lower limit than was guessed would refuse the request.
  return isOutputGuessed === true ? null : maxOutputTokens;
}

/** A guess: enough to plan a step, and a small part of what an answer may have. */
const budgetTokens = 4096;

function openMessages(entry: ModelEntry, { baseURL, apiKey }: Server): OpenedModel {
  const client = createAnthropic({ baseURL, apiKey: apiKey ?? noKey })(entry.model);
  const isThinking = entry.reasoning === 'sealed' && entry.maxOutputTokens > budgetTokens;
  const thinkingTokens = isThinking ? budgetTokens : 0;
  return {
    client,
    providerOptions: isThinking ? { anthropic: { thinking: { type: 'enabled', budgetTokens } } } : {},
    // The wire demands a limit, and thinking is a part of it.
    maxOutputTokens: entry.maxOutputTokens - thinkingTokens,
    thinkingTokens,
  };
}

/** For servers without keys: the two clients would look for one in the environment. */
const noKey = 'none';

function withVersion(url: string): string {
  return /\/v\d+\/?$/.test(url) ? url : `${url.replace(/\/+$/, '')}/v1`;
}

function connected(value: string | null, entry: ModelEntry): string {
  if (value === null)
    throw new AppError('unavailable', `The connection of the model "${entry.id}" is not set up.`);
  return value;
}
