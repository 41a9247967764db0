import { modelCatalog } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { createModels, type ModelConnections } from './models.ts';
import { addUsage, costOf, usageOf } from './usage.ts';

const nothing: ModelConnections = {
  openaiApiKey: null,
  openaiBaseUrl: null,
  anthropicApiKey: null,
  scriptedModelUrl: null,
};
const everything = modelCatalog({
  hasOpenaiKey: true,
  hasCustomBaseUrl: false,
  hasAnthropicKey: true,
  defaultModel: null,
  hasScriptedServer: true,
});

describe('models', () => {
  it('are opened by their provider, once, and OpenAI keeps nothing', () => {
    const models = createModels(everything, {
      ...nothing,
      openaiApiKey: 'k',
      anthropicApiKey: 'k',
      scriptedModelUrl: 'http://127.0.0.1:1',
    });
    expect(models('openai:gpt-5').client.provider).toBe('openai.responses');
    expect(models('openai:gpt-5').providerOptions).toEqual({
      openai: { store: false, include: ['reasoning.encrypted_content'] },
    });
    expect(models('claude-sonnet-4-5').client.provider).toBe('anthropic.messages');
    expect(models('scripted').client.provider).toBe('scripted.chat');
    expect(models('scripted')).toBe(models('scripted:demo'));
  });

  it('of a server of one’s own are asked by the protocol that it speaks', () => {
    const own = (customWire: 'chat' | 'responses') =>
      createModels(
        modelCatalog({
          hasOpenaiKey: false,
          hasCustomBaseUrl: true,
          hasAnthropicKey: false,
          defaultModel: 'qwen',
          customWire,
          hasScriptedServer: false,
        }),
        { ...nothing, openaiBaseUrl: 'http://127.0.0.1:1/v1' },
      )('qwen').client.provider;
    expect([own('chat'), own('responses')]).toEqual(['openai-compatible.chat', 'openai.responses']);
  });

  it('are told the output limit that is known of them, but none that is only guessed, and not OpenAI', () => {
    const models = (customWire: 'chat' | 'responses') =>
      createModels(
        modelCatalog({
          hasOpenaiKey: false,
          hasCustomBaseUrl: true,
          hasAnthropicKey: false,
          defaultModel: 'qwen',
          customModels: [{ name: 'qwen' }, { name: 'llama', maxOutputTokens: 8192 }],
          customWire,
          hasScriptedServer: false,
        }),
        { ...nothing, openaiBaseUrl: 'http://127.0.0.1:1/v1' },
      );
    for (const wire of ['chat', 'responses'] as const) {
      expect(models(wire)('qwen').maxOutputTokens).toBeNull();
      expect(models(wire)('llama').maxOutputTokens).toBe(8192);
    }
    const known = createModels(everything, { ...nothing, openaiApiKey: 'k' });
    expect(known('openai:gpt-5').maxOutputTokens).toBeNull();
  });

  it('that are unknown or not connected are refused by name', () => {
    const models = createModels(everything, nothing);
    expect(() => models('openai:none')).toThrow(/unknown_model.*openai:none/);
    expect(() => models('openai:gpt-5')).toThrow(/unavailable.*openai:gpt-5/);
  });
});

describe('usage', () => {
  const estimate = { requestTokens: 100, writtenLength: 10 };

  it('is what the provider reports', () => {
    const reported = {
      inputTokens: 100,
      outputTokens: 20,
      totalTokens: 120,
      inputTokenDetails: { cacheReadTokens: 60, noCacheTokens: 40, cacheWriteTokens: undefined },
      outputTokenDetails: { textTokens: 20, reasoningTokens: undefined },
    };
    const usage = usageOf(reported, estimate);
    expect(usage).toEqual({
      inputTokens: 100,
      cachedInputTokens: 60,
      outputTokens: 20,
      totalTokens: 120,
      estimated: false,
    });
    expect(costOf(usage, { input: 1, cachedInput: 0.1, output: 10 })).toBeCloseTo((40 + 6 + 200) / 1e6, 12);
    expect(costOf(usage, null)).toBeNull();
  });

  it('is estimated, and marked, where the provider says nothing', () => {
    const usage = usageOf(null, estimate);
    expect(usage).toEqual({
      inputTokens: 100,
      cachedInputTokens: 0,
      outputTokens: 3,
      totalTokens: 103,
      estimated: true,
    });
    expect(addUsage(usage, { ...usage, estimated: false })).toMatchObject({
      totalTokens: 206,
      estimated: true,
    });
  });

  it.each([
    [
      { inputTokens: 0, outputTokens: 0 },
      { inputTokens: 100, outputTokens: 3, estimated: true },
    ],
    [
      { inputTokens: 0, outputTokens: 7 },
      { inputTokens: 100, outputTokens: 7, estimated: true },
    ],
    [
      { inputTokens: 50, outputTokens: 0 },
      { inputTokens: 50, outputTokens: 0, estimated: false },
    ],
  ])('is estimated where zeros stand in place of a count: %o', (said, counted) => {
    const reported = {
      ...said,
      totalTokens: undefined,
      inputTokenDetails: { cacheReadTokens: 0, noCacheTokens: 0, cacheWriteTokens: undefined },
      outputTokenDetails: { textTokens: undefined, reasoningTokens: undefined },
    };
    expect(usageOf(reported, estimate)).toMatchObject(counted);
  });
});
