import {
  type ApprovalRule,
  defaultModelDeadlines,
  type ModelDeadlines,
  parseApprovalRules,
} from '@switchyard/agent';
import { parseEnvironment } from '@switchyard/process';
import {
  catalogOf,
  checkModelValues,
  type ModelEntry,
  modelVariables,
  parsedText,
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

/** Node's own client gives a server up that is silent for five minutes. */
const silenceSchema = z.coerce.number().int().min(1000).max(300_000);

/** The worker's variables. A variable that is set to nothing counts as unset. */
export const environmentSchema = z
  .object({
    ENVIRONMENT: z
      .enum(['development', 'staging', 'production'])
      .default('development')
      .describe('Set by the deployment, never by an image.'),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    WORKER_ID: z.string().min(1).max(200).optional().describe('Shown on runs; unset: host and process id.'),
    CONCURRENCY: z.coerce
      .number()
      .int()
      .min(1)
      .max(500)
      .default(10)
      .describe('Runs at once in this process.'),
    ADMIN_PORT: portSchema.default(0).describe('Private port of /readyz and /status, on loopback.'),
    ADMIN_HOST: z.string().default('127.0.0.1').describe('Address that the private port listens on.'),
    DRAIN_MS: z.coerce
      .number()
      .int()
      .min(0)
      .default(25_000)
      .describe('Time for running steps to end after SIGTERM; then they are cut and handed over.'),
    DATABASE_URL: z.string().describe('Postgres.'),
    DATABASE_POOL: z.coerce.number().int().min(1).max(100).default(10).describe('Connections to Postgres.'),
    REDIS_URL: z.string().describe('Redis 7 or Valkey.'),
    SUPABASE_URL: z.url().describe('Storage of uploads.'),
    SUPABASE_SECRET_KEY: z.string().describe('For storage.'),
    STORAGE_BUCKET: z.string().default('switchyard').describe('Private bucket of uploads.'),
    ...sandboxVariables,
    ...modelVariables,
    MODEL_FIRST_CHUNK_MS: silenceSchema
      .default(defaultModelDeadlines.firstChunkMs)
      .describe('How long a model may say nothing before it begins, while it thinks, or before a call.'),
    MODEL_CHUNK_MS: silenceSchema
      .default(defaultModelDeadlines.chunkMs)
      .describe('How long a model may say nothing in the middle of what it writes.'),
    // For a run whose row names no limit.
    MAX_STEPS: runLimitVariables.MAX_STEPS,
    MAX_DURATION_MS: runLimitVariables.MAX_DURATION_MS,
    APPROVALS: parsedText(parseApprovalRules).describe(
      'Calls of tools that ask a person first, need not ask, or are never made: `tool=ask`, `tool(pattern)=deny`, `*=allow`, by commas, the first that fits. A pattern is compared with the path, relative to the workspace, or with each command of a shell text. A rule is about one tool, so a folder that shall stay as it is takes one for each tool that writes: `write_file(secrets/*)=deny, str_replace(secrets/*)=deny, apply_patch(secrets/*)=deny, move(secrets/*)=deny, delete(secrets/*)=deny`; no such rule holds a shell.',
    ),
    TITLES: z
      .enum(['on', 'off'])
      .optional()
      .describe('Whether models write the titles of threads; unset: on, but off for the scripted model.'),
    RUN_GRACE_MS: z.coerce
      .number()
      .int()
      .min(1000)
      .default(600_000)
      .describe('How long the stream of an ended run can be rejoined event by event.'),
  })
  .superRefine((environment, context) => {
    checkSandboxValues(environment, (name, message) =>
      context.addIssue({ code: 'custom', path: [name], message }),
    );
    checkModelValues(environment, (name, message) =>
      context.addIssue({ code: 'custom', path: [name], message }),
    );
    if (environment.ENVIRONMENT === 'production' && environment.SCRIPTED_MODEL_URL) {
      context.addIssue({
        code: 'custom',
        path: ['SCRIPTED_MODEL_URL'],
        message: 'the scripted model is refused in production',
      });
    }
  });

export interface Config {
  readonly logLevel: z.infer<typeof environmentSchema>['LOG_LEVEL'];
  readonly workerId: string | null;
  readonly concurrency: number;
  readonly adminPort: number;
  readonly adminHost: string;
  readonly drainMs: number;
  readonly databaseUrl: string;
  readonly databasePool: number;
  readonly redisUrl: string;
  readonly supabaseUrl: string;
  readonly supabaseSecretKey: string;
  readonly storageBucket: string;
  readonly daytona: SandboxServiceOptions | null;
  /** How many may run at the same time. */
  readonly sandboxesPerAccount: number;
  readonly models: readonly ModelEntry[];
  readonly openaiApiKey: string | null;
  readonly openaiBaseUrl: string | null;
  readonly anthropicApiKey: string | null;
  readonly anthropicBaseUrl: string | null;
  readonly openaiReasoningSummary: string | null;
  readonly scriptedModelUrl: string | null;
  readonly modelDeadlines: ModelDeadlines;
  /** For runs that name no limit of their own. */
  readonly maxSteps: number;
  readonly maxDurationMs: number;
  /** What the operator wants of calls of tools. */
  readonly approvalRules: readonly ApprovalRule[];
  /** Whether threads without a title get one from their run's model. */
  readonly titles: boolean;
  /** How long the log of an ended run lives. */
  readonly runGraceMs: number;
}

/** Parses the environment once; throws ConfigurationError with all faults. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values = parseEnvironment(environmentSchema, environment);
  const models = catalogOf(values);
  return {
    logLevel: values.LOG_LEVEL,
    workerId: values.WORKER_ID ?? null,
    concurrency: values.CONCURRENCY,
    adminPort: values.ADMIN_PORT,
    adminHost: values.ADMIN_HOST,
    drainMs: values.DRAIN_MS,
    databaseUrl: values.DATABASE_URL,
    databasePool: values.DATABASE_POOL,
    redisUrl: values.REDIS_URL,
    supabaseUrl: values.SUPABASE_URL.replace(/\/+$/, ''),
    supabaseSecretKey: values.SUPABASE_SECRET_KEY,
    storageBucket: values.STORAGE_BUCKET,
    daytona: sandboxOptionsOf(values),
    sandboxesPerAccount: values.SANDBOXES_PER_ACCOUNT,
    models,
    openaiApiKey: values.OPENAI_API_KEY ?? null,
    openaiBaseUrl: values.OPENAI_BASE_URL ?? null,
    anthropicApiKey: values.ANTHROPIC_API_KEY ?? null,
    anthropicBaseUrl: values.ANTHROPIC_BASE_URL ?? null,
    openaiReasoningSummary: values.OPENAI_REASONING_SUMMARY ?? null,
    scriptedModelUrl: values.SCRIPTED_MODEL_URL ?? null,
    modelDeadlines: { firstChunkMs: values.MODEL_FIRST_CHUNK_MS, chunkMs: values.MODEL_CHUNK_MS },
    maxSteps: values.MAX_STEPS,
    maxDurationMs: values.MAX_DURATION_MS,
    approvalRules: values.APPROVALS,
    // The scripted model has no words of its own.
    titles: values.TITLES ? values.TITLES === 'on' : models[0]?.provider !== 'scripted',
    runGraceMs: values.RUN_GRACE_MS,
  };
}
