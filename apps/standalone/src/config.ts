import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { parseEnvironment } from '@switchyard/process';
import { z } from 'zod';
import { LaunchError } from './launch-error.ts';

/** The repository, in which programs and the cache are found. */
export const root = path.resolve(import.meta.dirname, '../../..');

const cacheDir = path.join(root, '.cache');

const portSchema = z.coerce.number().int().min(0).max(65_535);

/** What the launcher itself reads; gateway and worker get everything that is set. */
export const environmentSchema = z.object({
  PORT: portSchema.default(8787).describe('Port of the API; 0 asks the system for a free one.'),
  HOST: z.string().default('127.0.0.1').describe('Address that the API listens on.'),
  DATABASE_URL: z.string().optional().describe('Postgres; unset: one is started under .data/.'),
  DATABASE_DIRECT_URL: z.string().optional().describe('For migrations, when DATABASE_URL is a pooler.'),
  REDIS_URL: z.string().optional().describe('Redis or Valkey; unset: one is started under .data/.'),
  SUPABASE_URL: z.url().optional().describe('Unset: a local issuer and blob store.'),
  SUPABASE_SECRET_KEY: z.string().optional(),
  SUPABASE_PUBLISHABLE_KEY: z.string().optional().describe('Told to front ends by .data/dev.json.'),
  DAYTONA_API_URL: z.url().optional().describe('Sandboxes; unset: the local sandbox host.'),
  DAYTONA_API_KEY: z.string().optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url().optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  MODEL: z.string().optional(),
  SCRIPTED_MODEL_URL: z.url().optional().describe('A scripted model server that runs already.'),
  SCRIPTED_MODEL_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(15)
    .describe('Pause of the scripted model before each chunk; the default reads like a hosted model.'),
});

/** Everything that the launcher decides from its parameters and its environment. */
export interface Config {
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly port: number;
  readonly host: string;
  /** Services that the user has named; null: ours. */
  readonly databaseUrl: string | null;
  readonly databaseDirectUrl: string | null;
  readonly redisUrl: string | null;
  readonly supabase: {
    readonly url: string;
    readonly secretKey: string;
    readonly publishableKey: string | null;
  } | null;
  readonly daytona: { readonly apiUrl: string; readonly apiKey: string } | null;
  /** Null: the scripted model answers, for no key and no base URL is set. */
  readonly model: string | null;
  readonly scriptedModelUrl: string | null;
  readonly scriptedModelDelayMs: number;
  /** What the children inherit: the user's environment and `.env`, without what npm adds. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The parameters that the launcher understands; throws a LaunchError for any other. */
export function readParameters(parameters: readonly string[]): { port?: string; dataDir?: string } {
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: { port: { type: 'string' }, 'data-dir': { type: 'string' } },
    });
    return {
      ...(values.port === undefined ? {} : { port: values.port }),
      ...(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }),
    };
  } catch (error) {
    throw new LaunchError(`${(error as Error).message}\nUsage: npm start [-- --port N] [--data-dir PATH]`, {
      cause: error,
    });
  }
}

/** Reads `.env` of the repository: what is set in the environment already wins over it. */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const merged: Record<string, string> = { ...readEnvFile(path.join(root, '.env')) };
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !/^npm_/i.test(name)) merged[name] = value;
  }
  // Halves the time that the apps take to load; Node keeps the entries of each version apart.
  merged['NODE_COMPILE_CACHE'] ??= path.join(cacheDir, 'node-compile');
  return merged;
}

function readEnvFile(file: string): Record<string, string> {
  try {
    return Object.fromEntries(
      Object.entries(parseEnv(readFileSync(file, 'utf8'))).flatMap(([name, value]) =>
        value === undefined || value === '' ? [] : [[name, value]],
      ),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new LaunchError(`.env cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Puts parameters and environment together; throws ConfigurationError or LaunchError with what is wrong. */
export function readConfig({
  parameters,
  environment,
}: {
  readonly parameters: { readonly port?: string; readonly dataDir?: string };
  readonly environment: Readonly<Record<string, string>>;
}): Config {
  const values = parseEnvironment(environmentSchema, {
    ...environment,
    ...(parameters.port === undefined ? {} : { PORT: parameters.port }),
  });
  const requirePair = (first: string | undefined, second: string | undefined, names: string) => {
    if ((first === undefined) !== (second === undefined)) {
      throw new LaunchError(`${names} belong together: set both, or none to have it run here.`);
    }
  };
  requirePair(values.SUPABASE_URL, values.SUPABASE_SECRET_KEY, 'SUPABASE_URL and SUPABASE_SECRET_KEY');
  requirePair(values.DAYTONA_API_URL, values.DAYTONA_API_KEY, 'DAYTONA_API_URL and DAYTONA_API_KEY');
  const hasModel =
    values.OPENAI_API_KEY !== undefined ||
    values.OPENAI_BASE_URL !== undefined ||
    values.ANTHROPIC_API_KEY !== undefined;
  return {
    dataDir: path.resolve(environment['INIT_CWD'] ?? '.', parameters.dataDir ?? path.join(root, '.data')),
    cacheDir,
    port: values.PORT,
    host: values.HOST,
    databaseUrl: values.DATABASE_URL ?? null,
    databaseDirectUrl: values.DATABASE_DIRECT_URL ?? null,
    redisUrl: values.REDIS_URL ?? null,
    supabase:
      values.SUPABASE_URL !== undefined && values.SUPABASE_SECRET_KEY !== undefined
        ? {
            url: values.SUPABASE_URL,
            secretKey: values.SUPABASE_SECRET_KEY,
            publishableKey: values.SUPABASE_PUBLISHABLE_KEY ?? null,
          }
        : null,
    daytona:
      values.DAYTONA_API_URL !== undefined && values.DAYTONA_API_KEY !== undefined
        ? { apiUrl: values.DAYTONA_API_URL, apiKey: values.DAYTONA_API_KEY }
        : null,
    model: hasModel ? (values.MODEL ?? 'the default of your key') : null,
    scriptedModelUrl: values.SCRIPTED_MODEL_URL ?? null,
    scriptedModelDelayMs: values.SCRIPTED_MODEL_DELAY_MS,
    environment,
  };
}
