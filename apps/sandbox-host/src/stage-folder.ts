import { chmod, lstat, mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder that every user may enter, over which each sandbox's start mounts what it will see. */
export interface StageFolder {
  readonly path: string;
  remove(): Promise<void>;
}

async function isOwnFolder(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => null);
  return stat !== null && stat.isDirectory() && stat.uid === process.getuid?.();
}

/** Makes it, or takes the one that a killed host left: its path is noted in `noteFolder`. */
export async function makeStageFolder(noteFolder: string): Promise<StageFolder> {
  const note = join(noteFolder, 'stage');
  const left = await readFile(note, 'utf8').catch(() => '');
  const path = (await isOwnFolder(left)) ? left : await mkdtemp(join(tmpdir(), 'switchyard-stage-'));
  await chmod(path, 0o755);
  await writeFile(note, path);
  return { path, remove: () => rmdir(path).catch(() => undefined) };
}
