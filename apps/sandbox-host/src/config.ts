import { parseEnvironment } from '@switchyard/process';
import { z } from 'zod';
import { type EgressPolicy, parseDomains } from './egress/policy.ts';
import { defaultLimits, type SandboxLimits } from './limits.ts';
import { defaultQuotas, type HostQuotas } from './sandbox-registry.ts';

export const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe('Port; 0 asks the system for a free one.'),
  ADMIN_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('Private port of livez, readyz, status.'),
  DAYTONA_API_KEY: z.string().min(16).describe('The key that clients of this host must present.'),
  DATA_DIR: z.string().min(1).describe('Folder of the workspaces.'),
  BWRAP_PATH: z.string().min(1).optional().describe('The bwrap binary; looked for on the system when unset.'),
  SANDBOX_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(256)
    .optional()
    .describe('Memory of one sandbox; unset: 4096, and at most half of the machine.'),
  SANDBOX_PROCESSES: z.coerce
    .number()
    .int()
    .min(64)
    .optional()
    .describe('Processes and threads of one sandbox; unset: 1024.'),
  SANDBOX_DISK_MB: z.coerce.number().int().min(16).optional().describe('Size of one workspace; unset: 8192.'),
  SANDBOX_MAX_COUNT: z.coerce
    .number()
    .int()
    .min(1)
    .default(defaultQuotas.maxCount)
    .describe('Sandboxes of the host, stopped ones included.'),
  SANDBOX_MAX_RUNNING: z.coerce
    .number()
    .int()
    .min(1)
    .default(defaultQuotas.maxRunning)
    .describe('Sandboxes of the host that run at the same time.'),
  SANDBOX_FREE_DISK_MB: z.coerce
    .number()
    .int()
    .min(0)
    .default(1024)
    .describe(
      'What stays free on the disk of the workspaces: below it sandboxes are stopped and none starts.',
    ),
  SANDBOX_EGRESS: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether sandboxes reach the public internet, by a proxy that refuses everything private.'),
  SANDBOX_EGRESS_DOMAINS: z
    .string()
    .transform((list) => parseDomains(list))
    .refine((domains) => domains !== null, 'not a list of domains')
    .optional()
    .describe('The only domains that they reach, separated by commas, *. before one for its subdomains.'),
  SANDBOX_PREVIEW_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe('Port of the previews of what programs in sandboxes serve; 0 asks the system for a free one.'),
  SANDBOX_PREVIEW_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'What browsers reach that port by, with a wildcard for its subdomains (and no cookie of yours on it); unset: localhost.',
    ),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

const mebibyte = 1024 * 1024;

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number | null;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly bwrapPath: string | null;
  readonly limits: SandboxLimits;
  readonly quotas: HostQuotas;
  readonly minFreeDiskBytes: number;
  /** Null: no way out. */
  readonly egress: EgressPolicy | null;
  readonly previewPort: number;
  readonly previewUrl: string | null;
  readonly logLevel: z.infer<typeof environmentSchema>['LOG_LEVEL'];
}

/** Reads the environment once; throws ConfigurationError with all faults. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const parsed = parseEnvironment(environmentSchema, environment);
  const usual = defaultLimits();
  return {
    host: parsed.HOST,
    port: parsed.PORT,
    adminPort: parsed.ADMIN_PORT ?? null,
    apiKey: parsed.DAYTONA_API_KEY,
    dataDir: parsed.DATA_DIR,
    bwrapPath: parsed.BWRAP_PATH ?? null,
    limits: {
      ...usual,
      memoryBytes: inBytes(parsed.SANDBOX_MEMORY_MB, usual.memoryBytes),
      processes: parsed.SANDBOX_PROCESSES ?? usual.processes,
      diskBytes: inBytes(parsed.SANDBOX_DISK_MB, usual.diskBytes),
    },
    quotas: { maxCount: parsed.SANDBOX_MAX_COUNT, maxRunning: parsed.SANDBOX_MAX_RUNNING },
    minFreeDiskBytes: parsed.SANDBOX_FREE_DISK_MB * mebibyte,
    egress:
      parsed.SANDBOX_EGRESS === 'off' ? null : { allowedDomains: parsed.SANDBOX_EGRESS_DOMAINS ?? null },
    previewPort: parsed.SANDBOX_PREVIEW_PORT,
    previewUrl: parsed.SANDBOX_PREVIEW_URL ?? null,
    logLevel: parsed.LOG_LEVEL,
  };
}

function inBytes(megabytes: number | undefined, usual: number): number {
  return megabytes === undefined ? usual : megabytes * mebibyte;
}
