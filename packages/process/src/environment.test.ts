import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigurationError, parseEnvironment } from './environment.ts';

const schema = z.object({
  DATABASE_URL: z.url(),
  PORT: z.coerce.number().int().max(65_535).default(8787),
  ENVIRONMENT: z.enum(['development', 'production']).default('development'),
});

function faultsOf(environment: Record<string, string | undefined>): string {
  try {
    parseEnvironment(schema, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
  }
  throw new Error('The environment was not refused as it should be.');
}

test('all faults are told at once, by name and without a value', () => {
  const message = faultsOf({ DATABASE_URL: 'hidden-value', PORT: '70000123', ENVIRONMENT: 'hidden-too' });
  expect(message.split('\n')).toHaveLength(4);
  for (const name of ['DATABASE_URL', 'PORT', 'ENVIRONMENT']) expect(message).toContain(`  ${name}: `);
  expect(message).not.toMatch(/hidden|70000123/);
});

test('an empty variable counts as unset', () => {
  expect(faultsOf({ DATABASE_URL: '' })).toContain('DATABASE_URL: is not set');
  expect(parseEnvironment(schema, { DATABASE_URL: 'postgres://localhost/a', PORT: '' })).toEqual({
    DATABASE_URL: 'postgres://localhost/a',
    PORT: 8787,
    ENVIRONMENT: 'development',
  });
});

test('a check of the whole says itself why a variable must be set', () => {
  const checked = schema.superRefine(({ ENVIRONMENT }, context) => {
    if (ENVIRONMENT === 'production') {
      context.addIssue({ code: 'custom', path: ['KEY'], message: 'is needed in production' });
    }
  });
  const parse = () =>
    parseEnvironment(checked, { DATABASE_URL: 'postgres://localhost/a', ENVIRONMENT: 'production' });
  expect(parse).toThrow('KEY: is needed in production');
});
