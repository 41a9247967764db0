import { rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { readJson, writePrivateJson } from './keep-json.ts';

const pidSchema = z.int().positive().nullable();

/** What tools on this machine need to use the stack that runs; a service of the user's own has no pid here. */
export const devFileSchema = z.object({
  gatewayUrl: z.url(),
  apiKey: z.string(),
  supabaseUrl: z.url(),
  publishableKey: z.string().nullable(),
  email: z.string().nullable(),
  password: z.string().nullable(),
  /** Null when a model of the user's own answers. */
  scriptedModelUrl: z.url().nullable(),
  databaseUrl: z.string(),
  redisUrl: z.string(),
  pids: z.object({
    gateway: pidSchema,
    worker: pidSchema,
    sandboxHost: pidSchema,
    redis: pidSchema,
    postgres: pidSchema,
  }),
});
export type DevFile = z.infer<typeof devFileSchema>;

function fileIn(dataDir: string): string {
  return path.join(dataDir, 'dev.json');
}

/** Readable by its owner alone: it holds a key and a password. */
export async function writeDevFile(dataDir: string, content: DevFile): Promise<void> {
  await writePrivateJson(fileIn(dataDir), content);
}

/** Null when there is none; whether the stack still runs is the instance lock's to say. */
export async function readDevFile(dataDir: string): Promise<DevFile | null> {
  return devFileSchema.safeParse(await readJson(fileIn(dataDir))).data ?? null;
}

export async function removeDevFile(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}
