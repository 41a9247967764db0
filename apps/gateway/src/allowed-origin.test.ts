import { expect, test } from 'vitest';
import { allowedOrigin } from './allowed-origin.ts';

test.each([
  'http://localhost',
  'http://localhost:5173',
  'https://localhost:443',
  'http://127.0.0.1:8080',
  'http://127.8.9.1',
  'http://[::1]:3000',
  'http://app.localhost:3000',
])('%s is on this machine', (origin) => {
  expect(allowedOrigin('loopback', origin)).toBe(origin);
});

test.each([
  '',
  'null',
  'file://',
  'https://example.com',
  'http://localhost.example.com',
  'http://example.com/localhost',
  'http://127.0.0.1.example.com',
  'http://localhost:80@example.com',
  'http://128.0.0.1',
])('%j is not', (origin) => {
  expect(allowedOrigin('loopback', origin)).toBeNull();
});

test('configured origins match exactly, and a wildcard matches all', () => {
  expect(allowedOrigin(['https://app.example.com'], 'https://app.example.com')).toBe(
    'https://app.example.com',
  );
  expect(allowedOrigin(['https://app.example.com'], 'https://app.example.com:444')).toBeNull();
  expect(allowedOrigin([], 'http://localhost')).toBeNull();
  expect(allowedOrigin(['*'], 'https://anywhere.example')).toBe('https://anywhere.example');
});
