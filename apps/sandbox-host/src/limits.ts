import { totalmem } from 'node:os';

/** What one sandbox may use of this machine. */
export interface SandboxLimits {
  /** Memory of all its processes; its file systems in memory come on top where there are no cgroups. */
  readonly memoryBytes: number;
  /** Processes and threads. */
  readonly processes: number;
  /** The workspace, files that are deleted but open included. */
  readonly diskBytes: number;
  /** Files, folders and links in the workspace. */
  readonly files: number;
}

const mebibyte = 1024 * 1024;
/** A build with its tests and a browser fits (guess). */
const usualMemoryBytes = 4096 * mebibyte;

/** For who names no limits: never more than half of the machine's memory. Guesses, but what they are measured against. */
export function defaultLimits(machineBytes = totalmem()): SandboxLimits {
  return {
    memoryBytes: Math.min(usualMemoryBytes, Math.floor(machineBytes / 2)),
    processes: 1024,
    diskBytes: 8 * 1024 * mebibyte,
    files: 1_000_000,
  };
}

/**
 * Of one process, as RLIMIT_DATA: stops one that runs away between two looks at what all of them use. Private
 * writable memory, touched or not: each worker thread of Node takes some 0.6 GB of it, while RLIMIT_AS would count
 * what is only reserved and keep browsers from starting.
 */
export function dataBytesOfProcess({ memoryBytes }: SandboxLimits): number {
  return 4 * memoryBytes;
}
