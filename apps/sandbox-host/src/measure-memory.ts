import { readdirSync, readFileSync } from 'node:fs';

/** A process as proc_pid_status(5) shows it. */
export interface ProcessMemory {
  readonly pid: number;
  readonly parentPid: number;
  /** In its own namespace: the init is 2, behind bwrap's reaper. */
  readonly innerPid: number;
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

/** Every process of this machine: about 25 µs each. */
export function readProcesses(): ProcessMemory[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const status = readText(`/proc/${name}/status`);
    if (status === '') return [];
    const kibibytes = ['RssAnon', 'RssShmem', 'VmSwap'].map((field) => readField(status, field));
    return [
      {
        pid: Number(name),
        parentPid: readField(status, 'PPid'),
        innerPid: Number(/\nNSpid:[\t\d]*?(\d+)\n/.exec(status)?.[1] ?? name),
        bytes: kibibytes.reduce((sum, value) => sum + value, 0) * 1024,
      },
    ];
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
export function readOwnShare({ pid, bytes }: ProcessMemory): number {
  const rollup = readText(`/proc/${pid}/smaps_rollup`);
  // It has ended meanwhile, and what it shared is counted with the others; or this kernel does not tell.
  if (!rollup.includes('\nPss_Anon:'))
    return readText(`/proc/${pid}/status`).includes('\nRssAnon:') ? bytes : 0;
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
