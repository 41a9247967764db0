import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readJson, writePrivateJson } from './keep-json.ts';
import { LaunchError } from './launch-error.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const identitySchema = z.object({ pid: z.int().positive(), startTime: z.string().nullable() });
const lockSchema = identitySchema.extend({ children: z.array(identitySchema) });

/** A gateway whose launcher was killed drains its requests first: 10 s. */
const leftOverMs = 15_000;

/** One launcher's claim of a data directory. */
export interface InstanceLock {
  /** Remembers the processes that a successor has to wait for when we are killed. */
  keepChildren(pids: readonly number[]): Promise<void>;
  release(): Promise<void>;
}

function fileIn(dataDir: string): string {
  return path.join(dataDir, 'launcher.json');
}

/** The launcher that runs from a data directory, or null. */
export async function findRunningLauncher(dataDir: string): Promise<ProcessIdentity | null> {
  const lock = lockSchema.safeParse(await readJson(fileIn(dataDir))).data;
  return lock && isAlive(lock) ? { pid: lock.pid, startTime: lock.startTime } : null;
}

/**
 * Claims a data directory, made when it is missing. Processes that a killed predecessor left are just ending: they are
 * waited for, and killed when they do not. Throws a LaunchError when another launcher runs from it.
 */
export async function lockInstance(dataDir: string): Promise<InstanceLock> {
  const file = fileIn(dataDir);
  const own = identify(process.pid);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new LaunchError(`The data directory ${dataDir} cannot be made: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const claim = `${file}.${process.pid}.claim`;
  try {
    await writeFile(claim, JSON.stringify({ ...own, children: [] }), { mode: 0o600 });
    for (;;) {
      // Ends: each round claims the file, throws, or removes the file of a dead launcher.
      if (await tryLink(claim, file)) break;
      const holder = lockSchema.safeParse(await readJson(file)).data;
      if (holder && isAlive(holder)) {
        throw new LaunchError(
          `Switchyard runs from ${dataDir} already (process ${holder.pid}): use that one, stop it with "kill ${holder.pid}", or start another with "npm start -- --data-dir PATH --port N".`,
        );
      }
      await waitForLeftOvers(holder?.children ?? []);
      await rm(file, { force: true });
    }
  } finally {
    await rm(claim, { force: true });
  }
  return {
    keepChildren: (pids) => writePrivateJson(file, { ...own, children: pids.map(identify) }),
    release: () => rm(file, { force: true }),
  };
}

async function tryLink(claim: string, file: string): Promise<boolean> {
  try {
    await link(claim, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function waitForLeftOvers(children: readonly ProcessIdentity[]): Promise<void> {
  for (const deadline = Date.now() + leftOverMs; children.some(isAlive); await delay(50)) {
    if (Date.now() < deadline) continue;
    for (const child of children.filter(isAlive)) process.kill(child.pid, 'SIGKILL');
    return;
  }
}
