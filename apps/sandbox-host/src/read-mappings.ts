import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** A file that a process has mapped and that no name leads to any more; nameless shared memory is one too. */
export interface DeletedMapping {
  /** As stat(2) has it. */
  readonly device: number;
  readonly inode: number;
  /** What the file takes up, which only root is told; to others the size of its mappings. */
  readonly bytes: number;
  /** It is shared memory that never had a name: a process that drops or leaves it is charged for it no more. */
  readonly isSharedMemory: boolean;
}

const blockBytes = 512;

/**
 * The deleted files that a process has mapped, each once. `folder` is a process's or a thread's in /proc. A line of
 * `maps` is `start-end mode offset major:minor inode path (deleted)`, in hexadecimal but for the inode (proc_pid_maps(5)).
 */
export function readDeletedMappings(folder: string): DeletedMapping[] {
  const found = new Map<string, DeletedMapping>();
  const sizes = new Map<string, number | null>();
  for (const line of readLines(`${folder}/maps`)) {
    if (!line.endsWith(' (deleted)')) continue;
    const [range = '', , , numbers = '', inode = ''] = line.split(/ +/, 5);
    const key = `${numbers} ${inode}`;
    if (!sizes.has(key)) sizes.set(key, readFileBytes(folder, range));
    const [start = 0, end = 0] = range.split('-').map((address) => Number.parseInt(address, 16));
    const mapped = (found.get(key)?.bytes ?? 0) + end - start;
    found.set(key, {
      device: deviceOf(numbers),
      inode: Number(inode),
      bytes: sizes.get(key) ?? mapped,
      isSharedMemory: line.endsWith(' /dev/zero (deleted)'),
    });
  }
  return [...found.values()];
}

/**
 * Null when it is not ours to see. The file is looked at and not opened. A thread has this folder only as a process,
 * which it is in /proc too, though not in its listing.
 */
function readFileBytes(folder: string, range: string): number | null {
  const unpadded = range.replaceAll(/\b0+(?=[\da-f])/g, '');
  try {
    return statSync(`/proc/${basename(folder)}/map_files/${unpadded}`).blocks * blockBytes;
  } catch {
    return null;
  }
}

/** glibc's gnu_dev_makedev, whose high parts no file system here needs. */
function deviceOf(numbers: string): number {
  const [major = 0, minor = 0] = numbers.split(':').map((text) => Number.parseInt(text, 16));
  return ((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff);
}

/** None of a process that has ended or is not ours to see. */
function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}
