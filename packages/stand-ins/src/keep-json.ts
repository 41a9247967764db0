import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readIfThere } from './data-directory.ts';

/** Writes a file that only its owner reads, whole or not at all: a crash leaves the old one. */
export async function writePrivateJson(file: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.unfinished`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}

/** The value in a file that `writePrivateJson` wrote, or null when there is none. */
export async function readPrivateJson(file: string): Promise<unknown> {
  const text = await readIfThere(file);
  return text === null ? null : (JSON.parse(text) as unknown);
}
