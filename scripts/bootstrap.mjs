#!/usr/bin/env node
// @ts-check
// The one entry of every command, in plain JavaScript without dependencies for any Node from 18 on: it makes sure of a
// fitting Node, of pnpm and of the packages, says what it fetches, and then runs the command with that Node.
import { parseCommand, usage } from './bootstrap/arguments.mjs';
import { Failure } from './bootstrap/failure.mjs';
import { installPackages } from './bootstrap/packages.mjs';
import { reset } from './bootstrap/reset.mjs';
import { runCommand } from './bootstrap/run-command.mjs';
import { findTools } from './bootstrap/tools.mjs';

/** @param {readonly string[]} argv */
async function main(argv) {
  const parsed = parseCommand(argv);
  if (parsed.kind === 'help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  if (parsed.kind === 'unknown') throw new Failure(`There is no command "${parsed.name}".\n${usage}`);
  if (Number(process.versions.node.split('.')[0]) < 18) {
    throw new Failure(`Node ${process.versions.node} is too old to begin with: install Node 18 or newer.`);
  }
  if (parsed.kind === 'reset') return reset();
  // Loaded when it is asked for: whatever it needs of Node, the other commands do not.
  if (parsed.kind === 'doctor') return (await import('./doctor/doctor.mjs')).runDoctor();
  // pnpm runs the root's scripts too, after its own install: there is nothing left to do then.
  if (parsed.kind === 'install' && (process.env.npm_config_user_agent ?? '').startsWith('pnpm/')) return 0;

  const tools = await findTools();
  await installPackages(tools);
  if (parsed.kind !== 'run') {
    process.stdout.write('Everything is installed. Next: npm start\n');
    return 0;
  }
  return runCommand({ command: parsed.command, parameters: parsed.parameters, tools });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const text =
    error instanceof Failure ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\n${text}\n`);
  process.exitCode = 1;
}
