import type { z } from 'zod';

/** The environment does not fit the schema; the message names every faulty variable and no value. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * Reads the environment by a schema, an empty variable counting as unset. Throws a ConfigurationError that lists all
 * faults at once, by the variables' names and never with their values.
 */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Readonly<Record<string, string | undefined>>,
): z.output<Schema> {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '');
    if (name === '') return `  ${issue.message}`;
    // A check of our own says why it must be set; the schema only that there is no string.
    const isTold = name in set || issue.code === 'custom';
    return `  ${name}: ${isTold ? issue.message : 'is not set'}`;
  });
  throw new ConfigurationError(`The configuration is not valid:\n${[...new Set(faults)].join('\n')}`);
}
