import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

function collect() {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

test('members with secret names are redacted at any depth, whatever their spelling', () => {
  const { logger, lines, last } = collect();
  logger.info({
    authorization: 'Bearer hidden-1',
    request: { headers: { Cookie: ['hidden-2', 'hidden-3'], 'x-api-key': 'hidden-4' } },
    a: {
      b: { c: { d: { DAYTONA_API_KEY: 'hid"den-5', refresh_token: 'hidden-6', clientSecret: 'hidden-7' } } },
    },
    key: 'hidden-8',
    password: 'hidden-9',
  });
  expect(lines.join()).not.toMatch(/hid"?\\?"?den/);
  expect(last()).toMatchObject({ request: { headers: { Cookie: '[redacted]' } }, key: '[redacted]' });
});

test('names and numbers that only look alike stay', () => {
  const { logger, last } = collect();
  logger.info({ inputTokens: 12, objectKey: 'files/1', tokens: 'three', keyboard: 'iso' });
  expect(last()).toMatchObject({ inputTokens: 12, objectKey: 'files/1', tokens: 'three', keyboard: 'iso' });
});

test('secrets inside messages, URLs and stacks are redacted', () => {
  const { logger, lines, last } = collect();
  const error = new Error('connect postgres://me:hidden-1@localhost/db with Bearer hidden-token-2');
  logger.error(
    { error, url: '/v1/runs/1/stream?after=1-2&ticket=hidden-3&x=1' },
    'key sy_hidden456789012345678',
  );
  expect(lines.join()).not.toContain('hidden');
  expect(last()).toMatchObject({ url: '/v1/runs/1/stream?after=1-2&ticket=[redacted]&x=1' });
  expect(last()['error']).toMatchObject({ type: 'Error' });
});

test('a line names its level, its process and the time', () => {
  const { logger, last } = collect();
  logger.warn('careful');
  expect(last()).toMatchObject({ level: 'warn', name: 'test', pid: process.pid, msg: 'careful' });
  expect(Date.parse(String(last()['time']))).not.toBeNaN();
});
