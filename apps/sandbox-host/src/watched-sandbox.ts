import type { SandboxLimits } from './limits.ts';

/** A running sandbox, as far as its use of the machine goes. */
export interface WatchedSandbox {
  readonly id: string;
  /** Of its namespace's first process, as this machine sees it: another one after every start. */
  readonly pid: number;
  readonly workspace: string;
  /** False where a cgroup does it. */
  readonly isMemoryWatched: boolean;
  readonly limits: SandboxLimits;
  /** Now, while a request or a connection is open. */
  readonly lastActivityAt: number;
}

/** Asks for the end of a sandbox, unless it has been started again meanwhile. */
export type StopSandbox = (sandbox: Pick<WatchedSandbox, 'id' | 'pid'>, reason: string) => void;
