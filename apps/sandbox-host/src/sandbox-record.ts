import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@switchyard/process';
import { z } from 'zod';
import { removeTree } from './remove-tree.ts';

const recordSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  createdAt: z.iso.datetime(),
  /** Minutes without a request after which the sandbox is stopped; 0 is never. */
  autoStopMinutes: z.number().int().nonnegative(),
  /** The user id that the namespace is started from when the host runs as root. */
  userId: z.number().int().positive(),
  /** What was asked for; null: what the host allows. */
  memoryBytes: z.number().int().positive().nullable().default(null),
  diskBytes: z.number().int().positive().nullable().default(null),
  /** Put away by who made it. */
  isArchived: z.boolean().default(false),
  /** It has no way out at all. */
  isNetworkBlocked: z.boolean().default(false),
  /** As `EgressPolicy.allowedDomains`; what the host allows applies besides. */
  allowedDomains: z.array(z.string()).nullable().default(null),
});

/** What outlives the host process and every start of the sandbox, besides the workspace. */
export type SandboxRecord = z.infer<typeof recordSchema>;

const identitySchema = z.object({ pid: z.number().int().positive(), startTime: z.string() });

const removedSuffix = '.removed';

async function writeWhole(path: string, value: object): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function readJson<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | null> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** The files of the host itself below `folder`: one folder a sandbox. Nothing below `workspace` is ever opened here. */
export function createRecords(folder: string, logger: Logger) {
  const folderOf = (id: string): string => join(folder, id);
  return {
    folderOf,
    write: (record: SandboxRecord) => writeWhole(join(folderOf(record.id), 'sandbox.json'), record),
    writeIdentity: (id: string, identity: z.infer<typeof identitySchema>) =>
      writeWhole(join(folderOf(id), 'namespace.json'), identity),
    readIdentity: (id: string) => readJson(join(folderOf(id), 'namespace.json'), identitySchema),
    removeIdentity: (id: string) => rm(join(folderOf(id), 'namespace.json'), { force: true }),
    /** Of a sandbox that does not run. Renamed first: one that is half removed is no sandbox any more. */
    async remove(id: string): Promise<void> {
      const removed = folderOf(id) + removedSuffix;
      await rename(folderOf(id), removed);
      await removeTree(removed);
    },
    /** Unreadable ones (a host killed while it made one) are left out; what it was removing then is removed. */
    async readAll(): Promise<SandboxRecord[]> {
      const found = await readdir(folder);
      for (const name of found.filter((each) => each.endsWith(removedSuffix))) {
        await removeTree(join(folder, name)).catch((error: unknown) => {
          // The others must not go without a host for it.
          logger.error({ folder: name, error }, 'what is left of a removed sandbox stays');
        });
      }
      const names = found.filter((name) => !name.endsWith(removedSuffix));
      const records = await Promise.all(
        names.map((id) => readJson(join(folderOf(id), 'sandbox.json'), recordSchema)),
      );
      return records.filter((record) => record !== null);
    },
  };
}

export type Records = ReturnType<typeof createRecords>;
