import { AppError, describeError, errorCodes } from '@switchyard/protocol';
import { expect, test } from 'vitest';
import { problemOfError } from './problem.ts';

test.each(errorCodes)('%s has its status, title and stable code', (code) => {
  const { status, title } = describeError(code);
  const answer = problemOfError(new AppError(code, 'What happened.'), 'request-1');
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({
    status,
    title,
    code,
    detail: 'What happened.',
    requestId: 'request-1',
  });
  expect('retry-after' in answer.headers).toBe(
    code === 'rate_limited' || code === 'sandbox_limit' || code === 'unavailable',
  );
});

test('an unknown error tells the caller nothing but the request id', () => {
  for (const thrown of [new Error('password=hunter2 at /srv/app.ts:3'), 'a string', null, { detail: 'x' }]) {
    const { status, body } = problemOfError(thrown, 'request-2');
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'internal', requestId: 'request-2' });
    expect(JSON.stringify(body)).not.toMatch(/hunter2|srv|a string/);
  }
});

test('the cause of an error stays inside', () => {
  const error = new AppError('unavailable', 'Later.', { cause: new Error('10.0.0.7 refused') });
  expect(JSON.stringify(problemOfError(error, 'r'))).not.toContain('10.0.0.7');
});

test('details become members, but cannot replace the standard ones; times become headers in whole seconds', () => {
  const { headers, body } = problemOfError(
    new AppError('rate_limited', 'Slowly.', {
      details: { retryAfterMs: 1200, limit: 5, status: 200, code: 'fine' },
    }),
    'r',
  );
  expect(headers).toEqual({ 'retry-after': '2' });
  expect(body).toMatchObject({ limit: 5, status: 429, code: 'rate_limited' });
  expect(body).not.toHaveProperty('retryAfterMs');
});
