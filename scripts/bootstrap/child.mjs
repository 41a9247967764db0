// @ts-check
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { logFile } from './places.mjs';

/**
 * Runs a program to its end and keeps its output in the log. Rejects only when the program cannot be started.
 * @param {string} command
 * @param {readonly string[]} parameters
 * @param {{ readonly directory: string, readonly environment: NodeJS.ProcessEnv, readonly timeoutMs: number }} options
 * @returns {Promise<{ exitCode: number | null, output: string }>}
 */
export function runLogged(command, parameters, { directory, environment, timeoutMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (/** @type {string} */ text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => {
      appendFileSync(
        logFile,
        `$ ${[command, ...parameters].join(' ')}\n${output}\nexit code: ${exitCode}\n\n`,
      );
      resolve({ exitCode, output });
    });
  });
}
