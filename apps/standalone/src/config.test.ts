import path from 'node:path';
import { ConfigurationError } from '@switchyard/process';
import { expect, test } from 'vitest';
import { readConfig, readEnvironment, readParameters, root } from './config.ts';

test('without anything set everything is local, below .data', () => {
  const config = readConfig({ parameters: {}, environment: {} });
  expect(config).toMatchObject({
    dataDir: path.join(root, '.data'),
    port: 8787,
    databaseUrl: null,
    redisUrl: null,
    supabase: null,
    daytona: null,
    model: null,
  });
});

test('parameters win over the environment; a relative path begins where npm was called', () => {
  const parameters = readParameters(['--port', '9000', '--data-dir', 'elsewhere']);
  const config = readConfig({ parameters, environment: { PORT: '1', INIT_CWD: '/home/me' } });
  expect(config).toMatchObject({ port: 9000, dataDir: '/home/me/elsewhere' });
});

test.each(['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'])('%s takes the place of the scripted model', (name) => {
  expect(readConfig({ parameters: {}, environment: { [name]: 'a key' } }).model).not.toBeNull();
});

test('halves of a pair are refused', () => {
  expect(() => readConfig({ parameters: {}, environment: { SUPABASE_URL: 'https://a.example' } })).toThrow(
    'SUPABASE_URL and SUPABASE_SECRET_KEY belong together',
  );
  expect(() => readConfig({ parameters: {}, environment: { DAYTONA_API_KEY: 'key' } })).toThrow(
    'belong together',
  );
});

test('faults name the variable and never its value', () => {
  const read = () =>
    readConfig({ parameters: { port: '99999' }, environment: { OPENAI_BASE_URL: 'hidden' } });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(/PORT[\s\S]*OPENAI_BASE_URL|OPENAI_BASE_URL[\s\S]*PORT/);
  expect(read).not.toThrow('hidden');
});

test('unknown parameters are refused with the usage', () => {
  expect(() => readParameters(['--prot', '1'])).toThrow('Usage: npm start');
  expect(() => readParameters(['8080'])).toThrow('Usage: npm start');
});

test('what npm adds to the environment is not handed on', () => {
  const environment = readEnvironment({
    npm_config_registry: 'x',
    NPM_TOKEN: 'y',
    OPENAI_API_KEY: 'z',
    EMPTY: undefined,
  });
  expect(environment).toMatchObject({ OPENAI_API_KEY: 'z' });
  expect(Object.keys(environment).filter((name) => /^npm_|EMPTY/i.test(name))).toEqual([]);
});
