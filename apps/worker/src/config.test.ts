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

  it('offers exactly the models whose connection is set', () => {
    const ids = (more: object) => readConfig({ ...environment, ...more }).models.map(({ id }) => id);
    expect(ids({})).toEqual([]);
    expect(ids({ ANTHROPIC_API_KEY: 'k' })).toEqual(['anthropic:claude-sonnet-4-5']);
    expect(ids({ OPENAI_BASE_URL: 'http://localhost:11434/v1', MODEL: 'qwen' })).toEqual([
      'openai-compatible:qwen',
    ]);
  });
});
