import { chmod, lstat, mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder that every user may enter, over which each sandbox's start mounts what it will see. */
export interface StageFolder {
  readonly path: string;
  /** False: it may still be in use by a host that runs. */
  readonly isNew: boolean;
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
  const isNew = !(await isOwnFolder(left));
  const path = isNew ? await mkdtemp(join(tmpdir(), 'switchyard-stage-')) : left;
  const remove = (): Promise<void> => rmdir(path).catch(() => undefined);
  try {
    await chmod(path, 0o755);
    await writeFile(note, path);
  } catch (error) {
    if (isNew) await remove();
    throw error;
  }
  return { path, isNew, remove };
}
