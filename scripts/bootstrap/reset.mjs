// @ts-check
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Failure } from './failure.mjs';
import { cacheDirectory, dataDirectory } from './places.mjs';
import { say } from './report.mjs';

/** An ordered stop ends far earlier. */
const stopMs = 40_000;

/** Stops a running Switchyard of this repository, then removes what it fetched and what it remembers. */
export async function reset() {
  await stopRunning();
  for (const directory of [dataDirectory, cacheDirectory]) {
    if (!existsSync(directory)) continue;
    removeTree(directory);
    say(`removed ${directory}`);
  }
  say('Next: npm start');
  return 0;
}

async function stopRunning() {
  const pid = readLauncherPid();
  if (pid === null || !isRunning(pid)) return;
  say(`stopping the Switchyard that runs (process ${pid}) …`);
  process.kill(pid, 'SIGTERM');
  for (const deadline = Date.now() + stopMs; isRunning(pid);) {
    if (Date.now() > deadline)
      throw new Failure(`Process ${pid} does not stop: end it yourself, then try again.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function readLauncherPid() {
  try {
    const { pid } = JSON.parse(readFileSync(path.join(dataDirectory, 'launcher.json'), 'utf8'));
    return Number.isInteger(pid) ? /** @type {number} */ (pid) : null;
  } catch {
    return null;
  }
}

/** True when the process lives and is a launcher: after a crash its pid may be somebody else's. @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('apps/standalone/src/main.ts');
  } catch {
    return process.platform !== 'linux';
  }
}

/** @param {string} directory */
function removeTree(directory) {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    // Programs in a sandbox may have made folders that even their owner may not enter.
    openTree(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {string} directory */
function openTree(directory) {
  if (!lstatSync(directory).isDirectory()) return;
  chmodSync(directory, 0o700);
  for (const name of readdirSync(directory)) openTree(path.join(directory, name));
}
