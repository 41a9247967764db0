// @ts-check
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What is set, by name, and where. @typedef {{ readonly value: string, readonly place: 'environment' | '.env' }} Setting */
/** @typedef {ReadonlyMap<string, Setting>} Settings */

/**
 * As npm start reads them: the environment wins over `.env`, and an empty variable counts as unset.
 * @param {{ readonly root: string, readonly environment: NodeJS.ProcessEnv }} options
 * @returns {Settings}
 */
export function readSettings({ root, environment }) {
  /** @type {Map<string, Setting>} */
  const settings = new Map();
  for (const [name, value] of parseEnvFile(readEnvFile(root))) settings.set(name, { value, place: '.env' });
  for (const [name, value = ''] of Object.entries(environment)) {
    if (value !== '') settings.set(name, { value, place: 'environment' });
  }
  return settings;
}

/** @param {string} root */
function readEnvFile(root) {
  try {
    return readFileSync(path.join(root, '.env'), 'utf8');
  } catch {
    return '';
  }
}

/**
 * Node's own parser is not in every Node that this runs with; lines are `NAME=value`, quotes around the value or not.
 * @param {string} text
 * @returns {[string, string][]}
 */
export function parseEnvFile(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    const [, name = '', rest = ''] = match ?? [];
    const quoted = /^(["'`])(.*?)\1/.exec(rest);
    const value = quoted ? (quoted[2] ?? '') : rest.replace(/\s*#.*$/, '');
    return name === '' || value === '' ? [] : [/** @type {[string, string]} */ ([name, value])];
  });
}
