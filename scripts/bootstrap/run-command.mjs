// @ts-check
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { cacheDirectory, root } from './places.mjs';

/** @typedef {import('./arguments.mjs').RunnableCommand} RunnableCommand */

/** What each command runs, from the repository's root. @type {Record<RunnableCommand, readonly string[]>} */
const entries = {
  start: ['apps/standalone/src/main.ts', 'start'],
  demo: ['apps/standalone/src/main.ts', 'demo'],
  bench: ['apps/standalone/bench/main.ts'],
  torture: ['apps/standalone/torture/main.ts'],
  test: ['scripts/checks/main.ts', 'test'],
  verify: ['scripts/checks/main.ts', 'verify'],
  format: ['node_modules/oxfmt/bin/oxfmt'],
};

/** npm that was killed is noticed by a new parent; half a second is soon enough for a person. */
const parentWatchMs = 250;

/**
 * Runs a command with the fitting Node, passes signals on, and ends it when our own parent has gone. Resolves with the
 * exit code.
 * @param {{
 *   readonly command: RunnableCommand,
 *   readonly parameters: readonly string[],
 *   readonly tools: import('./tools.mjs').Tools,
 * }} wish
 * @returns {Promise<number>}
 */
export function runCommand({ command, parameters, tools }) {
  const nodeDirectory = path.dirname(tools.node);
  const child = spawn(
    tools.node,
    ['--disable-warning=ExperimentalWarning', ...entries[command], ...parameters],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        PATH: [nodeDirectory, path.join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(
          path.delimiter,
        ),
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(cacheDirectory, 'node-compile'),
        // Where relative paths of the command's parameters begin.
        INIT_CWD: process.env.INIT_CWD ?? process.cwd(),
      },
    },
  );
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, parentWatchMs);
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
