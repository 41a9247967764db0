import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { CpuBudget } from './cpu-budget.ts';
import { findLivingFolder } from './measure-memory.ts';

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
/** A process that becomes another program in between shows nothing of the one that it was. */
const maxReadings = 4;
const pieceBytes = 64 * 1024;
/** As many mappings as a process may have by default (65,530), in lines of 128 letters: in deep folders lines are as long as one likes. */
const maxTextBytes = 8 * 1024 * 1024;

/**
 * The deleted files that a process has mapped, each once; none of one that has ended; null when that cannot be told:
 * it is not ours to see, too much, or the budget is spent. `folder` is a process's or a thread's in /proc.
 */
export function readDeletedMappings(folder: string, budget: CpuBudget): DeletedMapping[] | null {
  const [, , pid] = folder.split('/');
  for (let count = 0; count < maxReadings; count++) {
    const found = readOnce(folder, budget);
    if (found !== null || budget.isSpent()) return found;
    if (findLivingFolder(Number(pid)) === null) return [];
  }
  return null;
}

function readOnce(folder: string, budget: CpuBudget): DeletedMapping[] | null {
  const found = new Map<string, DeletedMapping>();
  const sizes = new Map<string, number | null>();
  const isWhole = readLines(`${folder}/maps`, budget, (line) => {
    const mapping = readMapping(line);
    if (mapping === null) return;
    const { range, numbers, inode, isSharedMemory } = mapping;
    const key = `${numbers} ${inode}`;
    if (!sizes.has(key)) sizes.set(key, readFileBytes(folder, range));
    const [start = 0, end = 0] = range.split('-').map((address) => Number.parseInt(address, 16));
    const mapped = (found.get(key)?.bytes ?? 0) + end - start;
    found.set(key, {
      device: deviceOf(numbers),
      inode: Number(inode),
      bytes: sizes.get(key) ?? mapped,
      isSharedMemory,
    });
  });
  return isWhole ? [...found.values()] : null;
}

/**
 * Null for what is no deleted file. A line of `maps` is `start-end mode offset major:minor inode path (deleted)`, in
 * hexadecimal but for the inode. Nameless shared memory is `/dev/zero (deleted)`, or has the name that its process
 * gave it where the kernel lets it (proc_pid_maps(5)).
 */
export function readMapping(line: string) {
  const [range = '', , , numbers = '', inode = '', path = ''] = line.split(/ +/, 6);
  const isSharedMemory = path.startsWith('[anon_shmem:') || line.endsWith(' /dev/zero (deleted)');
  return isSharedMemory || line.endsWith(' (deleted)') ? { range, numbers, inode, isSharedMemory } : null;
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

/** False when it was not read to its end, or nothing is there. */
function readLines(path: string, budget: CpuBudget, take: (line: string) => void): boolean {
  let file: number | null = null;
  try {
    const opened = openSync(path, 'r');
    file = opened;
    const piece = Buffer.alloc(pieceBytes);
    let rest = '';
    for (let total = 0; total <= maxTextBytes && !budget.isSpent();) {
      const length = budget.spend(() => {
        const count = readSync(opened, piece);
        const lines = (rest + piece.toString('latin1', 0, count)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) take(line);
        return count;
      });
      if (length === 0) return total > 0;
      total += length;
    }
    return false;
  } catch {
    return false;
  } finally {
    if (file !== null) closeSync(file);
  }
}
