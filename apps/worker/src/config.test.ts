import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const environment = {
  DATABASE_URL: 'postgres://localhost/db',
  REDIS_URL: 'redis://localhost',
  SUPABASE_URL: 'http://localhost:1/',
  SUPABASE_SECRET_KEY: 'secret',
};

describe('the worker configuration', () => {
  it('refuses the scripted model in production', () => {
    const scripted = { ...environment, SCRIPTED_MODEL_URL: 'http://localhost:2' };
    expect(readConfig(scripted).models.map(({ id }) => id)).toEqual(['scripted:demo']);
    expect(() => readConfig({ ...scripted, ENVIRONMENT: 'production' })).toThrow(/SCRIPTED_MODEL_URL/);
  });

  it('names all faults at once and no value', () => {
    const read = () => readConfig({ CONCURRENCY: 'hunter2' });
    expect(read).toThrow(/DATABASE_URL[^]*REDIS_URL|CONCURRENCY[^]*DATABASE_URL/);
    expect(read).not.toThrow(/hunter2/);
  });

  it('says how long a model may be silent', () => {
    expect(readConfig(environment).modelDeadlines).toEqual({ firstChunkMs: 180_000, chunkMs: 90_000 });
    const slow = { ...environment, MODEL_FIRST_CHUNK_MS: '300000', MODEL_CHUNK_MS: '200000' };
    expect(readConfig(slow).modelDeadlines).toEqual({ firstChunkMs: 300_000, chunkMs: 200_000 });
    expect(() => readConfig({ ...environment, MODEL_CHUNK_MS: '300001' })).toThrow(/MODEL_CHUNK_MS/);
  });

  it('reads rules about calls, and names one that is wrong', () => {
    expect(readConfig(environment).approvalRules).toEqual([]);
    expect(
      readConfig({ ...environment, APPROVALS: 'shell(git push*)=ask, delete=allow' }).approvalRules,
    ).toEqual([
      { tool: 'shell', pattern: 'git push*', action: 'ask' },
      { tool: 'delete', pattern: null, action: 'allow' },
    ]);
    const wrong = () => readConfig({ ...environment, APPROVALS: 'delete=allow, shell=perhaps' });
    expect(wrong).toThrow(/APPROVALS.*"shell=perhaps" is no tool=action/);
  });

  it('makes sandboxes of a snapshot or of an image, and takes resources for an image alone', () => {
    const daytona = { DAYTONA_API_URL: 'http://localhost:3', DAYTONA_API_KEY: 'key' };
    const read = (more: object) => readConfig({ ...environment, ...daytona, ...more });
    expect(readConfig(environment)).toMatchObject({ daytona: null, sandboxesPerAccount: 20 });
    expect(read({}).daytona).toEqual({
      apiUrl: 'http://localhost:3',
      apiKey: 'key',
      labels: {},
      autoStopMinutes: 30,
      autoArchiveMinutes: 10_080,
    });
    expect(read({ DAYTONA_SNAPSHOT: 'agents', DAYTONA_LABELS: 'team=blue, stage=' }).daytona).toMatchObject({
      source: { kind: 'snapshot', name: 'agents' },
      labels: { team: 'blue', stage: '' },
    });
    expect(read({ DAYTONA_IMAGE: 'debian:12', DAYTONA_CPU: '2' }).daytona?.source).toEqual({
      kind: 'image',
      name: 'debian:12',
      cpu: 2,
    });
    expect(() => read({ DAYTONA_MEMORY_GB: '4' })).toThrow(/DAYTONA_MEMORY_GB.*DAYTONA_IMAGE/);
    expect(() => read({ DAYTONA_IMAGE: 'a', DAYTONA_SNAPSHOT: 'b' })).toThrow(/DAYTONA_IMAGE/);
    expect(() => read({ DAYTONA_LABELS: 'team' })).toThrow(/DAYTONA_LABELS/);
  });

  it('offers exactly the models whose connection is set', () => {
    const ids = (more: object) => readConfig({ ...environment, ...more }).models.map(({ id }) => id);
    expect(ids({})).toEqual([]);
    expect(ids({ ANTHROPIC_API_KEY: 'k' })).toEqual([
      'anthropic:claude-sonnet-4-5',
      'anthropic:claude-opus-4-5',
      'anthropic:claude-haiku-4-5',
    ]);
    expect(ids({ OPENAI_BASE_URL: 'http://localhost:11434/v1', MODEL: 'qwen' })).toEqual([
      'openai-compatible:qwen',
    ]);
  });

  it('refuses a default model that nobody here has, with all other faults', () => {
    const read = (more: object) => () => readConfig({ ...environment, ...more });
    expect(read({ OPENAI_API_KEY: 'k', MODEL: 'gpt-4o-mini' })).toThrow(/MODEL.*openai:gpt-5/);
    expect(read({ ANTHROPIC_API_KEY: 'k', MODEL: 'openai:gpt-5' })).toThrow(/MODEL/);
    const server = { OPENAI_BASE_URL: 'http://localhost:11434/v1' };
    expect(read({ ...server, MODEL: 'anthropic:claude-opus-4-5' })).toThrow(/MODEL/);
    expect(read({ MODEL: 'gpt-5', DAYTONA_CPU: '2' })).toThrow(/MODEL[^]*DAYTONA|DAYTONA[^]*MODEL/);
    expect(read({ ...server, MODEL: 'openai-compatible:qwen' })().models[0]?.model).toBe('qwen');
  });

  it('knows the models of OpenAI also when its own address is named', () => {
    for (const OPENAI_BASE_URL of ['https://api.openai.com/v1', 'https://api.openai.com/v1/']) {
      const { models } = readConfig({ ...environment, OPENAI_API_KEY: 'k', OPENAI_BASE_URL });
      expect(models[0]).toMatchObject({ id: 'openai:gpt-5', wire: 'responses' });
    }
  });

  it('offers the models of a server of one’s own as they are described, and tells what it cannot read', () => {
    const server = { ...environment, OPENAI_BASE_URL: 'http://localhost:11434/v1', MODEL: 'llama3.3' };
    const described = 'qwen3:32b; window=131072; tools=xml; images; fallback=llama3.3, llama3.3';
    const { models } = readConfig({ ...server, OPENAI_MODELS: described, OPENAI_WIRE: 'responses' });
    expect(models.map(({ id }) => id)).toEqual(['openai-compatible:llama3.3', 'openai-compatible:qwen3:32b']);
    expect(models[1]).toMatchObject({
      wire: 'responses',
      contextWindow: 131_072,
      supports: { images: true, tools: 'xml' },
      fallback: 'llama3.3',
    });
    const read = (OPENAI_MODELS: string) => () => readConfig({ ...server, OPENAI_MODELS });
    expect(read('a;window=hidden')).toThrow(/OPENAI_MODELS: "window" is no number of tokens/);
    expect(read('a;window=hidden')).not.toThrow(/hidden/);
    expect(read('a;hidden=1')).toThrow(/OPENAI_MODELS: holds a word that is none of/);
  });
});
