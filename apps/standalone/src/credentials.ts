import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { UserId } from '@switchyard/protocol';
import { connectDatabase, createApiKey, resolveApiKey, resolveUser } from '@switchyard/store';
import { z } from 'zod';
import { readJson, writePrivateJson } from './keep-json.ts';
import { LaunchError } from './launch-error.ts';

const credentialsSchema = z.object({
  email: z.email(),
  password: z.string(),
  /** Of the local sandbox host. */
  sandboxKey: z.string(),
  apiKey: z.string().nullable(),
});

/** The developer's own secrets on this machine, the same after each start. */
export type Credentials = z.infer<typeof credentialsSchema>;

/** Who a service of the user's own does not know as a person is this one, so that he has an account all the same. */
const localUserId = '00000000-0000-4000-8000-000000000001' as UserId;
const signInMs = 10_000;

function fileIn(dataDir: string): string {
  return path.join(dataDir, 'credentials.json');
}

/** The kept credentials; made on the first start. */
export async function loadCredentials(dataDir: string): Promise<Credentials> {
  const kept = credentialsSchema.safeParse(await readJson(fileIn(dataDir))).data;
  if (kept) return kept;
  const random = () => randomBytes(24).toString('base64url');
  const made = { email: 'dev@switchyard.local', password: random(), sandboxKey: random(), apiKey: null };
  await writePrivateJson(fileIn(dataDir), made);
  return made;
}

/**
 * The developer's API key: the kept one when the database knows it, else a new one of his account, which is made on
 * first sight. Needs a migrated database.
 */
export async function ensureApiKey({
  dataDir,
  databaseUrl,
  credentials,
  localSupabase,
}: {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly credentials: Credentials;
  /** Null when the people are in a Supabase of the user's own. */
  readonly localSupabase: { readonly url: string; readonly publishableKey: string } | null;
}): Promise<string> {
  const sql = connectDatabase({
    url: databaseUrl,
    maxConnections: 1,
    applicationName: 'switchyard-launcher',
  });
  try {
    if (credentials.apiKey !== null && (await resolveApiKey(sql, credentials.apiKey)))
      return credentials.apiKey;
    const userId = localSupabase ? await readUserId({ ...localSupabase, ...credentials }) : localUserId;
    const actor = await resolveUser(sql, { userId, email: credentials.email });
    const { key } = await createApiKey(sql, actor, { name: 'Local development' });
    await writePrivateJson(fileIn(dataDir), { ...credentials, apiKey: key });
    return key;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Signs in as the developer, whom the stand-in has made, to learn his id. */
async function readUserId(options: {
  readonly url: string;
  readonly publishableKey: string;
  readonly email: string;
  readonly password: string;
}): Promise<UserId> {
  const response = await fetch(`${options.url}/auth/v1/token?grant_type=password`, {
    method: 'POST',
    headers: { apikey: options.publishableKey, 'content-type': 'application/json' },
    body: JSON.stringify({ email: options.email, password: options.password }),
    signal: AbortSignal.timeout(signInMs),
  });
  const answer = z.object({ user: z.object({ id: z.uuid() }) }).safeParse(await response.json());
  if (!answer.success) {
    throw new LaunchError(
      'The local user cannot sign in: run "npm run reset" when nothing in .data has to be kept.',
    );
  }
  return answer.data.user.id as UserId;
}
