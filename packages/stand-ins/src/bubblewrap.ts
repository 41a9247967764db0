import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fetchDebianPackages, hasDebianPackages } from './debian.ts';
import { runCommand } from './run-command.ts';

/** A bubblewrap that starts on this machine; whether it may make namespaces is the sandbox host's question. */
export interface BubblewrapProgram {
  readonly command: string;
  readonly version: string;
}

/** What `fetchBubblewrap` fetches. */
export const bubblewrapPackages: readonly string[] = ['bubblewrap'];

/** `bwrap` on the PATH, or null. */
export async function findBubblewrap(searchPath: string): Promise<BubblewrapProgram | null> {
  for (const directory of searchPath.split(':')) {
    const command = path.join(directory, 'bwrap');
    if (directory === '' || !existsSync(command)) continue;
    const program = await probe(command);
    if (program !== null) return program;
  }
  return null;
}

/** bubblewrap from this machine's Debian packages, fetched into the cache on first use (50 kB beside the package lists). */
export async function fetchBubblewrap(options: {
  readonly cacheDir: string;
  readonly log: (line: string) => void;
}): Promise<BubblewrapProgram> {
  const advice = 'Install bubblewrap with your package manager to have sandboxes here';
  if (!hasDebianPackages()) throw new Error(`There is no bwrap on the PATH. ${advice}`);
  const packages = await fetchDebianPackages({ names: bubblewrapPackages, ...options });
  const binary = packages.findProgram('bwrap');
  const command = binary === null ? null : await withLibraries(binary, packages.libraryPath);
  const program = command === null ? null : await probe(command);
  if (program === null) throw new Error(`The fetched bubblewrap does not run here. ${advice}`);
  return program;
}

/** A path that starts the program with libraries of its own, for callers that empty the environment. */
async function withLibraries(binary: string, libraryPath: string): Promise<string> {
  if (libraryPath === '') return binary;
  const wrapper = `${binary}-with-libraries`;
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  await writeFile(wrapper, `#!/bin/sh\nLD_LIBRARY_PATH=${quote(libraryPath)} exec ${quote(binary)} "$@"\n`);
  await chmod(wrapper, 0o755);
  return wrapper;
}

async function probe(command: string): Promise<BubblewrapProgram | null> {
  const result = await runCommand(command, ['--version'], { timeoutMs: 10_000 });
  const version = /bubblewrap (\S+)/.exec(result.output)?.[1];
  return result.exitCode === 0 && version !== undefined ? { command, version } : null;
}
