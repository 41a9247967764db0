import type { SandboxLimits } from './limits.ts';
import type { ProcessMemory } from './measure-memory.ts';

/** A running sandbox, as far as its use of the machine goes. */
export interface WatchedSandbox {
  readonly id: string;
  /** Of its namespace's first process, as this machine sees it. */
  readonly pid: number;
  readonly workspace: string;
  /** False where a cgroup does it. */
  readonly isMemoryWatched: boolean;
  readonly limits: SandboxLimits;
  /** Now, while a request or a connection is open. */
  readonly lastActivityAt: number;
}

/** A sandbox and all its processes, at one look. */
export interface Family {
  readonly sandbox: WatchedSandbox;
  readonly family: readonly ProcessMemory[];
}
