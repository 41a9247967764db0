import { readFile, readlink, stat } from 'node:fs/promises';

/** A small file's text without surrounding space, or null when it is missing. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * True when the process lives and, where that can be seen, works in this directory: Postgres and Redis do in their data
 * directories. A number in a left-over file may belong to somebody else by now.
 */
export async function worksIn(pid: number, directory: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const [there, here] = await Promise.all([stat(await readlink(`/proc/${pid}/cwd`)), stat(directory)]);
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    // Somebody else's process: what we started runs as the same user, or is ours to look at as root.
    return false;
  }
}
