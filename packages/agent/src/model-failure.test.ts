import { APICallError } from 'ai';
import { describe, expect, it } from 'vitest';
import { defaultRetryPolicy, delayBefore } from './ask-model.ts';
import { describeModelFailure, ModelStalledError } from './model-failure.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

function failureOf(
  statusCode: number | undefined,
  responseHeaders: Record<string, string> = {},
  message = 'no',
) {
  const error = new APICallError({
    message,
    url: 'http://model.internal/v1',
    requestBodyValues: {},
    ...(statusCode === undefined ? {} : { statusCode }),
    responseHeaders,
  });
  return describeModelFailure(error, now);
}

describe('a failure of the model', () => {
  it.each([
    [undefined, true],
    [200, true],
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [409, true],
    [413, false],
    [422, false],
    [429, true],
    [500, true],
    [503, true],
    [529, true],
  ])('with status %s may pass: %s', (status, isRetryable) => {
    expect(failureOf(status).isRetryable).toBe(isRetryable);
  });

  it('for want of credit is a matter for another provider, and never passes', () => {
    const error = new APICallError({
      message: 'You exceeded your current quota.',
      url: 'http://model.internal/v1',
      requestBodyValues: {},
      statusCode: 429,
      responseBody: '{"error":{"code":"insufficient_quota"}}',
    });
    expect(describeModelFailure(error)).toMatchObject({ kind: 'overloaded', isRetryable: false });
  });

  it('is not read out of what the model itself had written', () => {
    const quoting = new TypeError('Type validation failed: Value: "the maximum context length is 9 tokens"');
    expect(describeModelFailure(quoting)).toMatchObject({ kind: 'other', isRetryable: true });
  });

  it('that is a silence or a cut may pass', () => {
    expect(describeModelFailure(new ModelStalledError(90_000))).toMatchObject({
      isRetryable: true,
      detail: 'The model sent nothing for 90 s.',
    });
    expect(describeModelFailure({ message: 'overloaded' })).toMatchObject({ isRetryable: true });
  });

  it.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' }, 3000],
    [{ 'retry-after-ms': '150', 'retry-after': '9' }, 150],
    [{ 'retry-after': 'soon' }, null],
    [{}, null],
  ])('with the headers %o asks for %s ms', (headers, ms) => {
    expect(failureOf(429, headers as Record<string, string>).retryAfterMs).toBe(ms);
  });

  it('never shows keys or addresses', () => {
    const { detail } = failureOf(
      400,
      {},
      'Key sk-proj-abc123456 at https://user:pw@model.internal Bearer abc.def is bad',
    );
    expect(detail).toBe("The model's server refused the request (400). Key … at … … is bad");
  });
});

describe('the delay before another attempt', () => {
  const passing = failureOf(500);

  it('doubles up to its limit, with a jitter of a quarter', () => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => delayBefore(attempt, passing, defaultRetryPolicy));
    [500, 1000, 2000, 4000, 8000].forEach((base, index) => {
      expect(delays[index]).toBeGreaterThanOrEqual(base);
      expect(delays[index]).toBeLessThanOrEqual(base * 1.25);
    });
  });

  it('ends after the last attempt, for what does not pass, and for a server that wants too much time', () => {
    expect(delayBefore(6, passing, defaultRetryPolicy)).toBeNull();
    expect(delayBefore(1, failureOf(400), defaultRetryPolicy)).toBeNull();
    expect(delayBefore(1, failureOf(429, { 'retry-after': '61' }), defaultRetryPolicy)).toBeNull();
    expect(delayBefore(1, failureOf(429, { 'retry-after': '60' }), defaultRetryPolicy)).toBe(60_000);
  });
});
