import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readIfThere, worksIn } from './data-directory.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { runCommand } from './run-command.ts';
import type { UnprivilegedStart } from './unprivileged.ts';

const majorVersion = '18';
const passwordFile = 'switchyard-password';

export interface DataDirectory {
  readonly dataDir: string;
  readonly password: string;
}

/**
 * Makes the cluster on first use, else checks that it can be used: written by this version, and by nobody at present.
 * A cluster is made beside its place and renamed, so that an interrupted start leaves no half of one.
 */
export async function prepareDataDirectory(
  binaries: PostgresBinaries,
  unprivileged: UnprivilegedStart,
  dataDir: string,
): Promise<DataDirectory> {
  const version = await readIfThere(path.join(dataDir, 'PG_VERSION'));
  if (version === null) return createCluster(binaries, unprivileged, dataDir);
  if (version !== majorVersion) {
    throw new Error(
      `The data in ${dataDir} belongs to Postgres ${version}, this is Postgres ${majorVersion}. Move it away, or remove it with \`npm run reset\`, or name a server: DATABASE_URL=postgres://…`,
    );
  }
  await refuseWhenBusy(dataDir);
  await unprivileged.own(dataDir);
  const password = await readIfThere(path.join(dataDir, passwordFile));
  if (password === null) {
    throw new Error(
      `${dataDir} was not made by Switchyard: ${passwordFile} is missing. Move it away and start again.`,
    );
  }
  return { dataDir, password };
}

async function createCluster(
  binaries: PostgresBinaries,
  unprivileged: UnprivilegedStart,
  dataDir: string,
): Promise<DataDirectory> {
  const workshop = `${dataDir}.${process.pid}.unfinished`;
  const [unfinished, passwordPath] = [path.join(workshop, 'data'), path.join(workshop, 'password')];
  const password = randomBytes(24).toString('base64url');
  try {
    await rm(workshop, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await writeFile(passwordPath, password, { mode: 0o600 });
    await unprivileged.own(workshop);
    const [command, ...args] = [
      ...unprivileged.prefix,
      binaries.initdb,
      `--pgdata=${unfinished}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordPath}`,
      '--encoding=UTF8',
      // Sorting that is the same on every machine and brings no dependency on its locales.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ];
    const result = await runCommand(command, args, { timeoutMs: 60_000 });
    if (result.exitCode !== 0) {
      throw new Error(`Postgres could not make its data directory ${dataDir}: ${result.output.trim()}`);
    }
    await rename(passwordPath, path.join(unfinished, passwordFile));
    await rename(unfinished, dataDir);
    return { dataDir, password };
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** `postmaster.pid` survives a crash: only a living process that works in this very directory makes it busy. */
async function refuseWhenBusy(dataDir: string): Promise<void> {
  const lockFile = path.join(dataDir, 'postmaster.pid');
  const pid = Number.parseInt((await readIfThere(lockFile)) ?? '', 10);
  if (!Number.isInteger(pid)) return;
  if (await worksIn(pid, dataDir)) {
    throw new Error(
      `The database in ${dataDir} is in use by process ${pid}: another Switchyard runs from this folder. Stop it first (kill ${pid} when it is a left-over).`,
    );
  }
  // The number may belong to somebody else by now, which Postgres itself would take for its predecessor.
  await rm(lockFile, { force: true });
}
