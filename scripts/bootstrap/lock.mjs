// @ts-check
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure } from './failure.mjs';
import { cacheDirectory, root } from './places.mjs';
import { say } from './report.mjs';

const lockFile = path.join(cacheDirectory, 'bootstrap.lock');
/** The slowest cold install that is still worth waiting for (guess). */
const longestWaitMs = 10 * 60_000;

/** Two commands that begin together must not install into each other. @template Result @param {() => Promise<Result>} action */
export async function withInstallLock(action) {
  try {
    mkdirSync(cacheDirectory, { recursive: true });
  } catch {
    throw new Failure(
      `${root} cannot be written to: give yourself the right, or clone it where you have it.`,
    );
  }
  await takeLock();
  try {
    return await action();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

async function takeLock() {
  let hasSaidSo = false;
  for (const deadline = Date.now() + longestWaitMs; ;) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') {
        throw new Failure(`${cacheDirectory} cannot be written to: ${String(error)}`);
      }
    }
    const holder = readHolder();
    if (holder !== null && !isAlive(holder)) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (Date.now() > deadline)
      throw new Failure(`Process ${holder} has been installing for too long: stop it, then try again.`);
    if (!hasSaidSo) say(`Waiting for process ${holder}, which is installing …`);
    hasSaidSo = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @returns {number | null} null when the file has just gone, or is just being written. */
function readHolder() {
  try {
    return Number.parseInt(readFileSync(lockFile, 'utf8'), 10) || null;
  } catch {
    return null;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
