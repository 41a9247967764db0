import { parseEnvironment } from '@switchyard/process';
import {
  catalogOf,
  checkModelValues,
  type ModelEntry,
  modelVariables,
  checkRunLimitValues,
  type RunLimitRules,
  runLimitRulesOf,
  runLimitVariables,
} from '@switchyard/protocol';
import {
  checkSandboxValues,
  sandboxOptionsOf,
  type SandboxServiceOptions,
  sandboxVariables,
} from '@switchyard/sandbox';
import { z } from 'zod';

const portSchema = z.coerce.number().int().min(0).max(65_535);
const loopbackHost = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/;

/** The gateway's variables. A variable that is set to nothing counts as unset. */
export const environmentSchema = z
  .object({
    ENVIRONMENT: z
      .enum(['development', 'staging', 'production'])
      .default('development')
      .describe('Set by the deployment, never by an image.'),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    PORT: portSchema.default(8787).describe('Port of the API; 0 asks the system for a free one.'),
    HOST: z.string().default('127.0.0.1').describe('Address that the API listens on.'),
    ADMIN_PORT: portSchema.default(0).describe('Private port of /readyz and /status, on loopback.'),
    ADMIN_HOST: z.string().default('127.0.0.1').describe('Address that the private port listens on.'),
    PUBLIC_URL: z
      .url()
      .optional()
      .describe('Origin in absolute urls; needed in production, elsewhere the origin of the request.'),
    CORS_ORIGINS: z
      .string()
      .optional()
      .describe(
        'Origins of front ends, separated by commas; unset on a developer machine: every loopback origin.',
      ),
    DATABASE_URL: z.string().describe('Postgres.'),
    DATABASE_POOL: z.coerce.number().int().min(1).max(100).default(10).describe('Connections to Postgres.'),
    REDIS_URL: z.string().describe('Redis 7 or Valkey.'),
    SUPABASE_URL: z.url().describe('Issuer of access tokens, and storage of uploads.'),
    SUPABASE_SECRET_KEY: z.string().describe('For storage.'),
    SUPABASE_PUBLISHABLE_KEY: z
      .string()
      .optional()
      .describe('Told to the page by /v1/config, so that people can sign in there.'),
    SUPABASE_JWT_SECRET: z
      .string()
      .min(32)
      .optional()
      .describe('Only for projects that still sign with HS256.'),
    STORAGE_BUCKET: z.string().default('switchyard').describe('Private bucket of uploads.'),
    ...sandboxVariables,
    ...modelVariables,
    ...runLimitVariables,
    RUN_GRACE_MS: z.coerce
      .number()
      .int()
      .min(1000)
      .default(600_000)
      .describe('How long an ended run can be rejoined, and its tickets live.'),
    RATE_LIMIT_WRITES: z.coerce
      .number()
      .int()
      .min(1)
      .default(120)
      .describe('Writing requests per account and window.'),
    RATE_LIMIT_WINDOW_S: z.coerce.number().int().min(1).default(60),
    STREAMS_PER_ACCOUNT: z.coerce
      .number()
      .int()
      .min(1)
      .default(1000)
      .describe('Streams that one account may have open at one gateway; more are refused with 429.'),
    DRAIN_MS: z.coerce
      .number()
      .int()
      .min(0)
      .default(10_000)
      .describe('Time for requests to end after SIGTERM.'),
  })
  .superRefine((environment, context) => {
    checkSandboxValues(environment, (name, message) =>
      context.addIssue({ code: 'custom', path: [name], message }),
    );
    checkModelValues(environment, (name, message) =>
      context.addIssue({ code: 'custom', path: [name], message }),
    );
    checkRunLimitValues(environment, (name, message) =>
      context.addIssue({ code: 'custom', path: [name], message }),
    );
    if (environment.ENVIRONMENT !== 'production') return;
    const refuse = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message: `${message} in production` });
    if (!environment.PUBLIC_URL) {
      // Behind a proxy that ends TLS the request's own origin is http, and anybody's to name.
      refuse('PUBLIC_URL', 'is not set: urls that hold a ticket must begin with a known origin');
    }
    if (environment.SCRIPTED_MODEL_URL) refuse('SCRIPTED_MODEL_URL', 'the scripted model is refused');
    if (environment.CORS_ORIGINS?.includes('*')) refuse('CORS_ORIGINS', 'a wildcard is refused');
    if (loopbackHost.test(new URL(environment.SUPABASE_URL).hostname)) {
      refuse('SUPABASE_URL', 'an issuer on this machine is refused');
    }
  });

export interface Config {
  readonly isProduction: boolean;
  readonly logLevel: z.infer<typeof environmentSchema>['LOG_LEVEL'];
  readonly port: number;
  readonly host: string;
  readonly adminPort: number;
  readonly adminHost: string;
  readonly publicUrl: string | null;
  /** `loopback`: every origin on the developer's machine. */
  readonly corsOrigins: readonly string[] | 'loopback';
  readonly databaseUrl: string;
  readonly databasePool: number;
  readonly redisUrl: string;
  readonly supabaseUrl: string;
  readonly supabaseSecretKey: string;
  /** Null: nobody can sign in on the page. */
  readonly supabasePublishableKey: string | null;
  readonly supabaseJwtSecret: string | null;
  readonly storageBucket: string;
  readonly daytona: SandboxServiceOptions | null;
  /** How many may run at the same time. */
  readonly sandboxesPerAccount: number;
  readonly models: readonly ModelEntry[];
  readonly runLimits: RunLimitRules;
  /** How long a chat and a ticket still show an ended run. */
  readonly runGraceMs: number;
  readonly rateLimit: { readonly writes: number; readonly windowS: number };
  /** At a time, in this process. The default is a guess: less than half of what a machine holds. */
  readonly streamsPerAccount: number;
  readonly drainMs: number;
}

/** Parses the environment once; throws ConfigurationError with all faults. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values = parseEnvironment(environmentSchema, environment);
  const origins = values.CORS_ORIGINS?.split(',').flatMap((origin) => origin.trim().replace(/\/$/, '') || []);
  return {
    isProduction: values.ENVIRONMENT === 'production',
    logLevel: values.LOG_LEVEL,
    port: values.PORT,
    host: values.HOST,
    adminPort: values.ADMIN_PORT,
    adminHost: values.ADMIN_HOST,
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    corsOrigins: origins ?? (values.ENVIRONMENT === 'development' ? 'loopback' : []),
    databaseUrl: values.DATABASE_URL,
    databasePool: values.DATABASE_POOL,
    redisUrl: values.REDIS_URL,
    supabaseUrl: values.SUPABASE_URL.replace(/\/+$/, ''),
    supabaseSecretKey: values.SUPABASE_SECRET_KEY,
    supabasePublishableKey: values.SUPABASE_PUBLISHABLE_KEY ?? null,
    supabaseJwtSecret: values.SUPABASE_JWT_SECRET ?? null,
    storageBucket: values.STORAGE_BUCKET,
    daytona: sandboxOptionsOf(values),
    sandboxesPerAccount: values.SANDBOXES_PER_ACCOUNT,
    models: catalogOf(values),
    runLimits: runLimitRulesOf(values),
    runGraceMs: values.RUN_GRACE_MS,
    rateLimit: { writes: values.RATE_LIMIT_WRITES, windowS: values.RATE_LIMIT_WINDOW_S },
    streamsPerAccount: values.STREAMS_PER_ACCOUNT,
    drainMs: values.DRAIN_MS,
  };
}
