import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';

/**
 * The shared libraries that the programs in unpacked packages need and that neither the machine nor those packages
 * have, as sonames (`libjemalloc.so.2`).
 */
export async function missingLibraries(directories: readonly string[]): Promise<string[]> {
  const files = (await Promise.all(directories.map(elfFiles))).flat();
  const libraryPath = [
    ...new Set(files.filter((file) => file.includes('.so')).map((file) => path.dirname(file))),
  ];
  const missing = new Set<string>();
  for (const file of files) {
    const result = await runCommand('ldd', [file], {
      timeoutMs: 10_000,
      environment: { LD_LIBRARY_PATH: libraryPath.join(':') },
    });
    for (const match of result.output.matchAll(/^\s*(\S+) => not found/gm)) missing.add(match[1] ?? '');
  }
  return [...missing].filter((library) => library !== '').toSorted();
}

/**
 * The names that a library's package may have by Debian policy 8.1: `libjemalloc.so.2` → `libjemalloc2`,
 * `liblua5.1.so.0` → `liblua5.1-0`; the second with the suffix of the change to 64-bit times.
 */
export function packagesOfLibrary(soname: string): string[] {
  const match = /^(.+?)\.so\.(.+)$/.exec(soname) ?? /^(.+?)-(\d[\d.]*)\.so$/.exec(soname);
  if (!match) return [];
  const [, stem = '', version = ''] = match;
  const name = `${stem}${/\d$/.test(stem) ? '-' : ''}${version}`.toLowerCase().replaceAll('_', '-');
  return [name, `${name}t64`];
}

async function elfFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && (await isElf(file))) found.push(file);
  }
  return found;
}

async function isElf(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === '\u007fELF';
  } finally {
    await handle.close();
  }
}
