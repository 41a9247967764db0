import { AppError, startRunRequestSchema } from '@switchyard/protocol';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { limits } from './limits.ts';
import { validate } from './validate.ts';

function refusal(schema: z.ZodType, value: unknown): AppError {
  try {
    validate(schema, value);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
}

test('gives back what the schema makes of the value', () => {
  expect(validate(z.object({ limit: z.coerce.number().default(3) }), {})).toEqual({ limit: 3 });
});

test('points at each fault once and begins the detail with the first', () => {
  const error = refusal(startRunRequestSchema, {
    input: [{ type: 'text', text: '\u0000' }],
    limits: { maxSteps: 'x' },
    y: 1,
  });
  expect(error.code).toBe('invalid_request');
  expect(error.detail).toMatch(/^\/input\/0\/text: NUL/);
  expect(error.details['errors']).toEqual([
    { pointer: '/input/0/text', detail: 'NUL and lone surrogates are not text.' },
    { pointer: '/limits/maxSteps', detail: expect.stringMatching(/\.$/) },
    { pointer: '/y', detail: 'Unknown field.' },
  ]);
});

test('writes pointers as RFC 6901 has them', () => {
  const error = refusal(z.strictObject({}), { 'a/b~c': 1, '': 2 });
  expect(error.details['errors']).toMatchObject([{ pointer: '/a~1b~0c' }, { pointer: '/' }]);
});

test('never repeats the value, whatever it was', () => {
  const secret = 'sy_0123456789secret';
  for (const value of [
    secret,
    { input: { secret } },
    { input: [{ type: secret }] },
    { input: 'a', threadId: `${secret} ` },
    { input: 'a', model: [secret] },
  ]) {
    const error = refusal(startRunRequestSchema, value);
    expect(JSON.stringify([error.detail, error.details])).not.toContain('secret');
  }
});

test('names no more faults than are worth reading', () => {
  const value = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field-${index}`, index]));
  expect(refusal(startRunRequestSchema, value).details['errors']).toHaveLength(limits.reportedFaults);
});
