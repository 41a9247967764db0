// @ts-check
import { accessSync, constants, mkdirSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './places.mjs';

/**
 * The environment of npm and pnpm. Both keep their caches below HOME; where there is none, or none that we may write
 * to, the caches go below ours.
 * @param {{ readonly nodeDirectory?: string }} [options]
 * @returns {NodeJS.ProcessEnv}
 */
export function installEnvironment({ nodeDirectory } = {}) {
  /** @type {NodeJS.ProcessEnv} */
  const environment = { ...process.env, CI: 'true', npm_config_update_notifier: 'false' };
  // Set by npm for its own scripts; a nested npm would act on the outer command's targets.
  for (const name of [
    'npm_config_prefix',
    'npm_config_global',
    'npm_config_package_lock_only',
    'npm_config_dry_run',
  ]) {
    delete environment[name];
  }
  if (nodeDirectory !== undefined)
    environment.PATH = `${nodeDirectory}${path.delimiter}${process.env.PATH ?? ''}`;
  if (!isWritable(process.env.HOME)) {
    const home = path.join(cacheDirectory, 'home');
    mkdirSync(home, { recursive: true });
    Object.assign(environment, { HOME: home, npm_config_cache: path.join(home, '.npm') });
    for (const name of [
      'XDG_CACHE_HOME',
      'XDG_DATA_HOME',
      'XDG_STATE_HOME',
      'XDG_CONFIG_HOME',
      'PNPM_HOME',
    ]) {
      delete environment[name];
    }
  }
  return environment;
}

/** @param {string | undefined} directory */
function isWritable(directory) {
  if (directory === undefined || directory === '') return false;
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
