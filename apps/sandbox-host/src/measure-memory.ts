import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process as proc_pid_status(5) shows it. */
export interface ProcessMemory {
  readonly pid: number;
  readonly parentPid: number;
  /** In its own namespace: the init is 2, behind bwrap's reaper. */
  readonly innerPid: number;
  /** Where its memory is shown; of a process whose first thread has ended, that of a thread which lives. */
  readonly folder: string;
  /** Anonymous, shared and swapped memory; pages that forked processes share are counted in each. */
  readonly bytes: number;
  /** The part of `bytes` that may be shared with processes that are not forked from it. */
  readonly sharedBytes: number;
}

function readField(text: string, name: string): number {
  const start = text.indexOf(`\n${name}:`);
  return start === -1 ? 0 : Number.parseInt(text.slice(start + name.length + 2), 10);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It ended, or is not ours to see.
    return '';
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The status of a process and where it was read. One whose first thread has ended shows there no memory, whatever its
 * other threads hold: then the first of them that shows some.
 */
function readStatus(pid: number): { readonly folder: string; readonly text: string } {
  const folder = `/proc/${pid}`;
  const text = readText(`${folder}/status`);
  if (!text.includes('\nState:\tZ')) return { folder, text };
  for (const thread of listNames(`${folder}/task`)) {
    const own = { folder: `${folder}/task/${thread}`, text: readText(`${folder}/task/${thread}/status`) };
    if (own.text.includes('\nRssAnon:')) return own;
  }
  return { folder, text };
}

/** The folder of a process or of its first thread that still has memory, which ends before its files do; null when none has. */
export function findLivingFolder(pid: number): string | null {
  const { folder, text } = readStatus(pid);
  return text.includes('\nRssAnon:') ? folder : null;
}

/** The process as it is now; null when it has ended or is not ours to see. */
export function readProcess(pid: number): ProcessMemory | null {
  const { folder, text } = readStatus(pid);
  if (text === '') return null;
  const [anonymous, shared, swapped] = [
    readField(text, 'RssAnon'),
    readField(text, 'RssShmem'),
    readField(text, 'VmSwap'),
  ];
  return {
    pid,
    folder,
    parentPid: readField(text, 'PPid'),
    // A thread has an id of its own in its namespace; its process's stands in the group's line.
    innerPid: Number(/\nNStgid:[\t\d]*?(\d+)\n/.exec(text)?.[1] ?? pid),
    bytes: (anonymous + shared + swapped) * 1024,
    sharedBytes: shared * 1024,
  };
}

/** Every process of this machine: about 25 µs each. */
export function readProcesses(): ProcessMemory[] {
  return listNames('/proc').flatMap((name) => {
    const process = /^\d+$/.test(name) ? readProcess(Number(name)) : null;
    return process ? [process] : [];
  });
}

/** The process and all that descends from it: in a sandbox nobody's parent is outside. */
export function findFamily(processes: readonly ProcessMemory[], rootPid: number): ProcessMemory[] {
  const byParent = Map.groupBy(processes, ({ parentPid }) => parentPid);
  const family = processes.filter(({ pid }) => pid === rootPid);
  for (const member of family) family.push(...(byParent.get(member.pid) ?? []));
  return family;
}

/** The process with its own share of its pages in the place of all of them, as far as this kernel tells. */
export function readOwnShare(process: ProcessMemory): ProcessMemory {
  const rollup = readText(`${process.folder}/smaps_rollup`);
  if (!rollup.includes('\nPss_Anon:')) {
    // It has ended meanwhile, and what it shared is counted with the others; or this kernel does not tell.
    const lives = readText(`${process.folder}/status`).includes('\nRssAnon:');
    return lives ? process : { ...process, bytes: 0, sharedBytes: 0 };
  }
  const shared = readField(rollup, 'Pss_Shmem');
  const kibibytes = readField(rollup, 'Pss_Anon') + shared + readField(rollup, 'SwapPss');
  return { ...process, bytes: kibibytes * 1024, sharedBytes: shared * 1024 };
}

/** Gives how to list a process's children, some twenty microseconds each; where the kernel does not list them, as they are now. */
export function listingChildren(): (pid: number) => readonly number[] {
  if (!existsSync('/proc/thread-self/children')) {
    const byParent = Map.groupBy(readProcesses(), ({ parentPid }) => parentPid);
    return (parent) => (byParent.get(parent) ?? []).map(({ pid }) => pid);
  }
  return (parent) =>
    listNames(`/proc/${parent}/task`).flatMap((thread) => {
      const children = readText(`/proc/${parent}/task/${thread}/children`).trim();
      return children === '' ? [] : children.split(' ').map(Number);
    });
}

function listDescendants(rootPid: number): ReadonlySet<number> {
  const listChildren = listingChildren();
  const pids = new Set([rootPid]);
  for (const pid of pids) for (const child of listChildren(pid)) pids.add(child);
  return pids;
}

/** Processor time of a process, its descendants and those of them that have ended, in ticks of 10 ms (proc_pid_stat(5)). */
export function readTicks(rootPid: number): number {
  return [...listDescendants(rootPid)]
    .map((pid) => {
      const stat = readText(`/proc/${pid}/stat`);
      // The name, field 2, may hold anything. Own time and that of ended children, in user and kernel mode: 14 to 17.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    })
    .reduce((sum, ticks) => sum + ticks, 0);
}

export interface MachineMemory {
  /** What programs can still have. */
  readonly availableBytes: number;
  readonly totalBytes: number;
  /** What is shared, and what is in file systems in memory. */
  readonly sharedBytes: number;
}

export function readMachineMemory(): MachineMemory {
  const text = `\n${readText('/proc/meminfo')}`;
  return {
    availableBytes: readField(text, 'MemAvailable') * 1024,
    totalBytes: readField(text, 'MemTotal') * 1024,
    sharedBytes: readField(text, 'Shmem') * 1024,
  };
}
