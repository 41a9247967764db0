import { describe, expect, it } from 'vitest';
import { findModel, modelCatalog, type ModelEnvironment } from './models.ts';

const bare: ModelEnvironment = {
  hasOpenaiKey: false,
  hasCustomBaseUrl: false,
  hasAnthropicKey: false,
  defaultModel: null,
  hasScriptedServer: false,
};

describe('modelCatalog', () => {
  it('offers only what the environment can reach', () => {
    expect(modelCatalog(bare)).toEqual([]);
    expect(modelCatalog({ ...bare, hasScriptedServer: true }).map((entry) => entry.id)).toEqual([
      'scripted:demo',
    ]);
    expect(
      modelCatalog({ ...bare, hasAnthropicKey: true }).every((entry) => entry.provider === 'anthropic'),
    ).toBe(true);
  });

  it('knows that input which is to be cached costs more where caching is asked for by markers', () => {
    const catalog = modelCatalog({ ...bare, hasAnthropicKey: true });
    expect(catalog.length).toBeGreaterThan(0);
    for (const { price } of catalog) expect(price?.cacheWrite).toBeGreaterThan(price?.input ?? Infinity);
  });

  it('puts the default model first', () => {
    const catalog = modelCatalog({ ...bare, hasOpenaiKey: true, defaultModel: 'gpt-5-mini' });
    expect(catalog[0]?.id).toBe('openai:gpt-5-mini');
  });

  it('takes the id that it lists itself for a model of a custom base URL', () => {
    const custom = { ...bare, hasCustomBaseUrl: true, defaultModel: 'openai-compatible:qwen3:32b' };
    expect(modelCatalog(custom)).toMatchObject([{ id: 'openai-compatible:qwen3:32b', model: 'qwen3:32b' }]);
    const customModels = [{ name: 'llama3.3' }, { name: 'qwen3:32b' }];
    const ids = modelCatalog({ ...custom, customModels }).map(({ id }) => id);
    expect(ids).toEqual(['openai-compatible:qwen3:32b', 'openai-compatible:llama3.3']);
  });

  it.each(['anthropic:claude-opus-4-5', 'openai:gpt-5', 'scripted:demo'])(
    'takes no model of another provider for one of a custom base URL: %s',
    (defaultModel) => {
      expect(modelCatalog({ ...bare, hasCustomBaseUrl: true, defaultModel })).toEqual([]);
    },
  );

  it('puts a model of another provider that is connected too before those of a custom base URL', () => {
    const environment = { ...bare, hasCustomBaseUrl: true, hasScriptedServer: true, hasAnthropicKey: true };
    for (const defaultModel of ['scripted:demo', 'anthropic:claude-opus-4-5']) {
      expect(modelCatalog({ ...environment, defaultModel })[0]?.id).toBe(defaultModel);
    }
  });

  it('knows the named model of a custom base URL, with an unknown price', () => {
    const catalog = modelCatalog({
      ...bare,
      hasOpenaiKey: true,
      hasCustomBaseUrl: true,
      defaultModel: 'llama3.3',
    });
    expect(catalog.map((entry) => entry.id)).toEqual(['openai-compatible:llama3.3']);
    expect(findModel(catalog, 'llama3.3')?.price).toBeNull();
  });
});
