// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runLogged } from './child.mjs';
import { installEnvironment } from './environment.mjs';
import { explainFailure } from './explain-failure.mjs';
import { Failure } from './failure.mjs';
import { withInstallLock } from './lock.mjs';
import { root } from './places.mjs';
import { say, step } from './report.mjs';

const modules = path.join(root, 'node_modules');
/** Inside node_modules: who removes those removes the stamp too. */
const stampFile = path.join(modules, '.switchyard-stamp');
const installTimeoutMs = 20 * 60_000;

/**
 * Installs the workspace's packages from the lockfile when they are missing or the lockfile has changed.
 * @param {import('./tools.mjs').Tools} tools
 */
export async function installPackages(tools) {
  const fingerprint = fingerprintOf(
    ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => readManifest(name)),
  );
  if (isInstalled(fingerprint)) return;
  await withInstallLock(async () => {
    if (isInstalled(fingerprint)) return;
    // npm takes pnpm's links for foreign packages and removes them: what it left behind is no state to go on from.
    const isTornByNpm = existsSync(path.join(modules, '.package-lock.json'));
    if (isTornByNpm) rmSync(modules, { recursive: true, force: true });
    say(
      'Installing the packages of pnpm-lock.yaml (up to 125 MB from the npm registry, 480 MB on the disk) into node_modules',
    );
    await step('packages', async () => {
      const parameters = ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'];
      const result = await runLogged(tools.pnpm, parameters, {
        directory: root,
        environment: installEnvironment({ nodeDirectory: path.dirname(tools.node) }),
        timeoutMs: installTimeoutMs,
      });
      if (result.exitCode !== 0) throw explainFailure('pnpm', result);
    });
    writeFileSync(stampFile, fingerprint);
  });
}

/** @param {string} name */
function readManifest(name) {
  try {
    return readFileSync(path.join(root, name), 'utf8');
  } catch {
    throw new Failure(`${name} is missing: this is no whole clone of the repository.`);
  }
}

/**
 * Changes whenever what has to be installed changes.
 * @param {readonly string[]} texts
 * @returns {string}
 */
export function fingerprintOf(texts) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}\n`).update(text);
  return hash.digest('hex');
}

/** @param {string} fingerprint */
function isInstalled(fingerprint) {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== fingerprint) return false;
  if (existsSync(path.join(modules, '.package-lock.json'))) return false;
  return ['apps', 'packages', 'examples'].every((folder) =>
    readdirSync(path.join(root, folder)).every((name) => hasModules(path.join(root, folder, name))),
  );
}

/** @param {string} directory */
function hasModules(directory) {
  return (
    !existsSync(path.join(directory, 'package.json')) || existsSync(path.join(directory, 'node_modules'))
  );
}
