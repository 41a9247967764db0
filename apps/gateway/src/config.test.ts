import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const needed = {
  DATABASE_URL: 'postgres://localhost/switchyard',
  REDIS_URL: 'redis://localhost',
  SUPABASE_URL: 'http://127.0.0.1:9000/',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
};
const production = {
  ...needed,
  ENVIRONMENT: 'production',
  SUPABASE_URL: 'https://x.supabase.co',
  OPENAI_API_KEY: 'x',
  PUBLIC_URL: 'https://api.example.com',
};

test('a developer machine needs four variables; loopback origins may ask', () => {
  const config = readConfig({ ...needed, SCRIPTED_MODEL_URL: 'http://127.0.0.1:1/v1', PUBLIC_URL: '' });
  expect(config).toMatchObject({
    supabaseUrl: 'http://127.0.0.1:9000',
    corsOrigins: 'loopback',
    publicUrl: null,
    daytona: null,
    supabaseJwtSecret: null,
  });
  expect(config.models.map(({ id }) => id)).toEqual(['scripted:demo']);
});

test('all faults come at once, by name and without values', () => {
  let message = '';
  try {
    readConfig({ PORT: '99999999', SUPABASE_JWT_SECRET: 'too-short-secret' });
  } catch (error) {
    message = String(error);
  }
  for (const name of [
    'PORT',
    'SUPABASE_JWT_SECRET',
    'DATABASE_URL',
    'REDIS_URL',
    'SUPABASE_URL',
    'SUPABASE_SECRET_KEY',
  ]) {
    expect(message).toContain(name);
  }
  expect(message).not.toContain('too-short-secret');
});

test.each([
  ['the scripted model', { SCRIPTED_MODEL_URL: 'https://models.example' }, 'SCRIPTED_MODEL_URL'],
  ['a wildcard origin', { CORS_ORIGINS: 'https://a.example,*' }, 'CORS_ORIGINS'],
  ['an issuer on this machine', { SUPABASE_URL: 'http://127.0.0.1:9000' }, 'SUPABASE_URL'],
])('production refuses %s', (_name, environment, variable) => {
  expect(() => readConfig({ ...production, ...environment })).toThrow(variable);
});

test('production needs to be told its own address, since urls with tickets begin with it', () => {
  for (const url of [undefined, '']) {
    const parse = () => readConfig({ ...production, PUBLIC_URL: url });
    expect(parse).toThrow(
      /PUBLIC_URL: is not set: urls that hold a ticket must begin with a known origin in production/,
    );
  }
  expect(readConfig({ ...production, PUBLIC_URL: 'https://a.example/' }).publicUrl).toBe('https://a.example');
  expect(readConfig({ ...production, ENVIRONMENT: 'staging', PUBLIC_URL: undefined }).publicUrl).toBeNull();
});

test('production lets no origin in that is not named', () => {
  expect(readConfig(production).corsOrigins).toEqual([]);
  const named = readConfig({ ...production, CORS_ORIGINS: 'https://a.example/, https://b.example' });
  expect(named.corsOrigins).toEqual(['https://a.example', 'https://b.example']);
});

test('the operator says what runs may spend, of those that name no limit and at most', () => {
  expect(readConfig({ ...needed }).runLimits).toEqual({
    defaults: { maxSteps: 100, maxDurationMs: 3_600_000, maxTokens: 100_000_000 },
    caps: { maxSteps: 1000, maxDurationMs: 86_400_000, maxTokens: 100_000_000, maxCostUsd: Infinity },
  });
  // Who names no limit goes above no cap either.
  const capped = readConfig({ ...needed, MAX_TOKENS_CAP: '2000', MAX_COST_USD_CAP: '2.5' });
  expect(capped.runLimits.defaults).toMatchObject({ maxTokens: 2000, maxCostUsd: 2.5 });
  const money = readConfig({ ...needed, MAX_TOKENS: '500000', MAX_COST_USD: '0.5', MAX_COST_USD_CAP: '2.5' });
  expect(money.runLimits).toMatchObject({
    defaults: { maxTokens: 500_000, maxCostUsd: 0.5 },
    caps: { maxCostUsd: 2.5 },
  });
  expect(() => readConfig({ ...needed, MAX_COST_USD: '3', MAX_COST_USD_CAP: '2.5' })).toThrow(
    /MAX_COST_USD is above MAX_COST_USD_CAP|MAX_COST_USD.*above/,
  );
});

test('a default model that nobody here has is refused, with all other faults', () => {
  const read = (more: object) => () => readConfig({ ...needed, ...more });
  expect(read({ OPENAI_API_KEY: 'k', MODEL: 'gpt-4o-mini' })).toThrow(/MODEL.*openai:gpt-5/);
  expect(read({ MODEL: 'gpt-5', MAX_STEPS: '5', MAX_STEPS_CAP: '4' })).toThrow(
    /MODEL[^]*MAX_STEPS|MAX_STEPS[^]*MODEL/,
  );
  expect(read({ OPENAI_API_KEY: 'k', MODEL: 'gpt-5-mini' })().models[0]?.id).toBe('openai:gpt-5-mini');
});
