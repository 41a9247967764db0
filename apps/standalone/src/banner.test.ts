import { expect, test } from 'vitest';
import { banner, curlLine } from './banner.ts';

test('the curl line is one line of plain shell', () => {
  const line = curlLine({ gatewayUrl: 'http://127.0.0.1:8787', apiKey: 'sy_abc' });
  expect(line).not.toContain('\n');
  expect(line.match(/'/g)).toHaveLength(6);
  expect(line).toContain('http://127.0.0.1:8787/v1/runs');
  expect(line).toContain("'Authorization: Bearer sy_abc'");
});

test('the banner begins with the page and how to sign in there', () => {
  const devFile = {
    gatewayUrl: 'http://127.0.0.1:8787',
    apiKey: 'sy_abc',
    supabaseUrl: 'http://127.0.0.1:9999',
    publishableKey: null,
    email: 'dev@example.com',
    password: 'secret',
    scriptedModelUrl: null,
    databaseUrl: 'postgres://x',
    redisUrl: 'redis://x',
    pids: { gateway: 1, worker: 1, sandboxHost: 1, redis: 1, postgres: 1 },
  };
  const descriptions = { model: 'm', sandbox: 's', services: ['a', 'b'], logs: 'l' };
  const local = banner({ devFile, descriptions }, 1.23).split('\n');
  expect(local.slice(0, 5)).toEqual([
    '',
    'Switchyard is running (1.2 s). Ctrl-C stops it.',
    '',
    '  page      http://127.0.0.1:8787/',
    '            sign in as dev@example.com with the password secret',
  ]);
  const own = banner({ devFile: { ...devFile, email: null, password: null }, descriptions }, 1);
  expect(own).toContain('an account of your Supabase project');
  expect(own).not.toContain('null');
});
