import { readdirSync, readFileSync } from 'node:fs';

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

/** The process as it is now; null when it has ended or is not ours to see. */
export function readProcess(pid: number): ProcessMemory | null {
  const { folder, text } = readStatus(pid);
  if (text === '') return null;
  const kibibytes = ['RssAnon', 'RssShmem', 'VmSwap'].map((field) => readField(text, field));
  return {
    pid,
    folder,
    parentPid: readField(text, 'PPid'),
    // A thread has an id of its own in its namespace; its process's stands in the group's line.
    innerPid: Number(/\nNStgid:[\t\d]*?(\d+)\n/.exec(text)?.[1] ?? pid),
    bytes: kibibytes.reduce((sum, value) => sum + value, 0) * 1024,
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

/** What is the process's own share of its pages, as far as this kernel tells; `bytes` otherwise. */
export function readOwnShare({ folder, bytes }: ProcessMemory): number {
  const rollup = readText(`${folder}/smaps_rollup`);
  // It has ended meanwhile, and what it shared is counted with the others; or this kernel does not tell.
  if (!rollup.includes('\nPss_Anon:')) return readText(`${folder}/status`).includes('\nRssAnon:') ? bytes : 0;
  return (
    ['Pss_Anon', 'Pss_Shmem', 'SwapPss']
      .map((field) => readField(rollup, field))
      .reduce((sum, value) => sum + value, 0) * 1024
  );
}

/** What programs can still have of this machine's memory. */
export function readAvailableMemory(): { readonly availableBytes: number; readonly totalBytes: number } {
  const text = `\n${readText('/proc/meminfo')}`;
  return {
    availableBytes: readField(text, 'MemAvailable') * 1024,
    totalBytes: readField(text, 'MemTotal') * 1024,
  };
}
