// @ts-check
/** Commands that run with the fitting Node once everything is installed. */
const runnable = /** @type {const} */ (['start', 'demo', 'test', 'verify', 'bench', 'torture', 'format']);

/** @typedef {typeof runnable[number]} RunnableCommand */
/**
 * @typedef {{ readonly kind: 'run', readonly command: RunnableCommand, readonly parameters: readonly string[] }
 *   | { readonly kind: 'install' | 'reset' | 'doctor' | 'help' }
 *   | { readonly kind: 'unknown', readonly name: string }} ParsedCommand
 */

export const usage = `Usage:
  npm start [-- --port N] [--data-dir PATH]   run everything on this machine
  npm run demo -- "<task>" [--file PATH]...   watch one task from the terminal
  npm run demo -- --chaos                     the same while its worker is killed and its stream dropped
  npm test                                    all tests
  npm run verify                              format, lint, types, boundaries, unit tests
  npm run bench                               measure against the baselines
  npm run torture [-- --minutes N] [--seed S] kill, freeze and cut at random, and judge what is seen
  npm run doctor                              look at this machine, and say what is missing
  npm run reset                               remove .cache and .data`;

/**
 * Reads the bootstrap's own arguments; what follows the command belongs to the command.
 * @param {readonly string[]} argv
 * @returns {ParsedCommand}
 */
export function parseCommand(argv) {
  const [name, ...parameters] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return { kind: 'help' };
  if (name === 'install' || name === 'reset' || name === 'doctor') return { kind: name };
  const command = runnable.find((known) => known === name);
  return command ? { kind: 'run', command, parameters } : { kind: 'unknown', name };
}
