import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { environmentSchema as gateway } from '../../apps/gateway/src/config.ts';
import { environmentSchema as sandboxHost } from '../../apps/sandbox-host/src/config.ts';
import { environmentSchema as launcher } from '../../apps/standalone/src/config.ts';
import { environmentSchema as worker } from '../../apps/worker/src/config.ts';

const root = join(import.meta.dirname, '../..');
const apps = { 'npm start': launcher, gateway, worker, 'sandbox host': sandboxHost };

interface Variable {
  /** What each description of it says to whom; a reader that says nothing stands under ''. */
  readonly readers: Map<string, string[]>;
  value: string;
}

/** Every variable that an app reads, from the very schemas that parse them. */
function envExample(): string {
  const variables = new Map<string, Variable>();
  for (const [app, schema] of Object.entries(apps)) {
    for (const [name, field] of Object.entries(
      schema.shape as Record<string, z.ZodType<string | number | undefined>>,
    )) {
      const variable = variables.get(name) ?? { readers: new Map<string, string[]>(), value: '' };
      variables.set(name, variable);
      const description = field.description ?? '';
      variable.readers.set(description, [...(variable.readers.get(description) ?? []), app]);
      const parsed = field.safeParse(undefined);
      if (parsed.success && parsed.data !== undefined) variable.value ||= String(parsed.data);
    }
  }
  const blocks = [...variables].map(([name, { readers, value }]) =>
    [
      ...[...readers].map(([text, names]) => `# ${text}${text && ' '}[${names.join(', ')}]`),
      `#${name}=${value}`,
    ].join('\n'),
  );
  return [
    '# Copy to .env and set what you need: nothing is needed to start. `npm start` reads .env, nobody else does;',
    "# where the apps are deployed, the platform sets these. Made from the apps' schemas by",
    '# scripts/repository/env-example.test.ts; in brackets stands who reads a variable.',
    '',
    `${blocks.join('\n\n')}\n`,
  ].join('\n');
}

describe('.env.example', () => {
  it('names every variable that an app reads, and holds no value that is a secret', async () => {
    const text = envExample();
    expect(text).not.toMatch(/^#?\w*(KEY|SECRET|PASSWORD)\w*=.+/m);
    await expect(text).toMatchFileSnapshot(join(root, '.env.example'));
  });
});
