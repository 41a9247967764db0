import { parseEnvironment } from '@switchyard/process';
import { z } from 'zod';

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
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number | null;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly bwrapPath: string | null;
  readonly logLevel: z.infer<typeof environmentSchema>['LOG_LEVEL'];
}

/** Reads the environment once; throws ConfigurationError with all faults. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const parsed = parseEnvironment(environmentSchema, environment);
  return {
    host: parsed.HOST,
    port: parsed.PORT,
    adminPort: parsed.ADMIN_PORT ?? null,
    apiKey: parsed.DAYTONA_API_KEY,
    dataDir: parsed.DATA_DIR,
    bwrapPath: parsed.BWRAP_PATH ?? null,
    logLevel: parsed.LOG_LEVEL,
  };
}
