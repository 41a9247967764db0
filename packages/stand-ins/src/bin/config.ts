import { z } from 'zod';

const portSchema = z.coerce.number().int().min(0).max(65_535).default(0);
type Environment = Readonly<Record<string, string | undefined>>;

const supabaseSchema = z.object({
  DATA_DIR: z.string().min(1),
  PORT: portSchema,
  SUPABASE_EMAIL: z.email().optional(),
  SUPABASE_PASSWORD: z.string().min(6).optional(),
});

/** `DATA_DIR`, `PORT` (0 = any), and `SUPABASE_EMAIL` with `SUPABASE_PASSWORD` for a person who can sign in. */
export function readSupabaseConfig(environment: Environment) {
  const values = supabaseSchema.parse(environment);
  const { SUPABASE_EMAIL: email, SUPABASE_PASSWORD: password } = values;
  const users = email === undefined || password === undefined ? [] : [{ email, password }];
  return { dataDir: values.DATA_DIR, port: values.PORT, users };
}

const scriptedModelSchema = z.object({
  PORT: portSchema,
  // About the pace of a hosted model: the demo is meant to be watched.
  DEMO_DELAY_MS: z.coerce.number().int().min(0).default(15),
});

/** `PORT` (0 = any) and `DEMO_DELAY_MS`, the pause before each chunk of the demo policy. */
export function readScriptedModelConfig(environment: Environment) {
  const values = scriptedModelSchema.parse(environment);
  return { port: values.PORT, demoDelayMs: values.DEMO_DELAY_MS };
}
