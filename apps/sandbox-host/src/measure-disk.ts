import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import type { ProcessMemory } from './measure-memory.ts';

export interface DiskUse {
  readonly bytes: number;
  /** Files, folders and links. */
  readonly files: number;
}

const blockBytes = 512;
const timeoutMs = 120_000;

/**
 * GNU find keeps to folders that it has opened and follows no link, so that nothing the guest puts in the way leads
 * elsewhere; it only lists. Without privileges it needs bubblewrap to enter folders that the guest has closed.
 */
function buildCommand(folder: string, bwrapPath: string | null): { file: string; arguments: string[] } {
  const listing = ['-xdev', '-printf', '%b %n %i\\n'];
  if (bwrapPath === null) return { file: 'find', arguments: [folder, ...listing] };
  const privileges = ['--unshare-user', '--uid', '0', '--gid', '0', '--cap-add', 'CAP_DAC_READ_SEARCH'];
  const mounts = ['--ro-bind', '/', '/', '--ro-bind', folder, '/tmp'];
  return {
    file: bwrapPath,
    arguments: [...privileges, '--unshare-pid', '--die-with-parent', ...mounts, 'find', '/tmp', ...listing],
  };
}

/**
 * What a folder holds, counted up to `maxFiles`; null when it could not be told. Costs about a second for 300,000
 * files.
 */
export function measureFolder(
  folder: string,
  { bwrapPath, maxFiles }: { readonly bwrapPath: string | null; readonly maxFiles: number },
): Promise<DiskUse | null> {
  const command = buildCommand(folder, bwrapPath);
  return new Promise((resolve) => {
    const child = spawn(command.file, command.arguments, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let files = 0;
    let blocks = 0;
    const linked = new Set<string>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [size = '0', links = '1', inode = ''] = line.split(' ');
      files += 1;
      if (files > maxFiles) child.kill('SIGKILL');
      if (links !== '1' && linked.has(inode)) return;
      if (links !== '1') linked.add(inode);
      blocks += Number(size);
    });
    child.once('error', () => resolve(null));
    // 1: something went away while it looked.
    child.once('close', (code) =>
      resolve(
        files > maxFiles || (files > 0 && (code === 0 || code === 1))
          ? { bytes: blocks * blockBytes, files }
          : null,
      ),
    );
  });
}

/**
 * Bytes on `folder`'s file system that these processes keep although no name leads to them any more. They may have
 * millions of descriptors: it lets others run in between.
 */
export async function measureDeletedFiles(
  folder: string,
  processes: readonly Pick<ProcessMemory, 'pid' | 'folder'>[],
): Promise<number> {
  const device = statSync(folder).dev;
  const bytesByInode = new Map<number, number>();
  for (const process of processes) {
    // Threads may have descriptors of their own.
    const threads = attempt(() => readdirSync(`/proc/${process.pid}/task`));
    for (const thread of threads) {
      note(listOpenDeleted(`/proc/${process.pid}/task/${thread}/fd`, device));
      await setImmediate();
    }
    note(listMappedDeleted(process.folder, device));
  }
  return [...bytesByInode.values()].reduce((sum, bytes) => sum + bytes, 0);

  function note(files: readonly DeletedFile[]): void {
    for (const { inode, bytes } of files)
      bytesByInode.set(inode, Math.max(bytes, bytesByInode.get(inode) ?? 0));
  }
}

interface DeletedFile {
  readonly inode: number;
  readonly bytes: number;
}

/** The links there are never opened. */
function listOpenDeleted(folder: string, device: number): DeletedFile[] {
  return attempt(() => readdirSync(folder)).flatMap((fd) =>
    attempt(() => {
      const stat = statSync(`${folder}/${fd}`);
      return stat.isFile() && stat.nlink === 0 && stat.dev === device
        ? [{ inode: stat.ino, bytes: stat.blocks * blockBytes }]
        : [];
    }),
  );
}

/** A line is `start-end mode offset major:minor inode path (deleted)`, in hexadecimal but for the inode. */
function listMappedDeleted(folder: string, device: number): DeletedFile[] {
  const lines = attempt(() => readFileSync(`${folder}/maps`, 'latin1').split('\n'));
  return lines.flatMap((line) => {
    const [range = '', , , numbers = '', inode = ''] = line.split(/ +/, 5);
    if (!line.endsWith(' (deleted)') || deviceOf(numbers) !== device) return [];
    const [start = '', end = ''] = range.split('-');
    return [{ inode: Number(inode), bytes: Number.parseInt(end, 16) - Number.parseInt(start, 16) }];
  });
}

/** As stat(2) has it: glibc's gnu_dev_makedev, whose high parts no file system here needs. */
function deviceOf(numbers: string): number {
  const [major = 0, minor = 0] = numbers.split(':').map((text) => Number.parseInt(text, 16));
  return ((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff);
}

/** Processes end while they are looked at. */
function attempt<Item>(list: () => Item[]): Item[] {
  try {
    return list();
  } catch {
    return [];
  }
}
