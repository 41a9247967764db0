/** The right to start, stop, make or replace one project's sandbox. */
export interface SandboxLease {
  readonly projectId: string;
  readonly leaseId: string;
}

/**
 * What is remembered of the projects' sandboxes by who keeps the projects (the package `store`). Whoever changes the
 * state of one holds its lease, so that it happens once at a time, whatever the number of processes.
 */
export interface SandboxRecords {
  /**
   * Takes the lease for so long. Also answers the sandbox's `name` at the service, which no other one ever has, and its
   * id, null before it was ready for the first time. `busy`: with `isIdleOnly`, somebody works in it. `gone`: there is no
   * such project.
   */
  lease(
    projectId: string,
    options: { readonly forMs: number; readonly isIdleOnly?: boolean },
  ): Promise<
    | {
        readonly outcome: 'taken';
        readonly leaseId: string;
        readonly name: string;
        readonly sandboxId: string | null;
      }
    | { readonly outcome: 'held' | 'busy' | 'gone' }
  >;
  /** False when somebody else has, or had, the lease since. */
  renew(lease: SandboxLease, options: { readonly forMs: number }): Promise<boolean>;
  giveBack(lease: SandboxLease): Promise<void>;
  /**
   * Asked before the sandbox is started or made: counts it among the running ones of its account. When there is no place,
   * `idle` are the projects whose sandboxes run though nobody works in them, the longest unused first.
   */
  admit(
    lease: SandboxLease,
  ): Promise<
    { readonly outcome: 'admitted' | 'lost' } | { readonly outcome: 'full'; readonly idle: readonly string[] }
  >;
  /** It is ready under this id. False when the lease is lost. */
  save(lease: SandboxLease, sandboxId: string): Promise<boolean>;
  /** It does not run any more. False when the lease is lost. */
  noteRest(lease: SandboxLease): Promise<boolean>;
  /**
   * Gives it up, to be removed once `keepMs` have passed, and never when that is null. The name of the next one; null when
   * the lease is lost.
   */
  replace(lease: SandboxLease, options: { readonly keepMs: number | null }): Promise<string | null>;
  /** Whether it is the project's sandbox still, which then runs and was used now. Needs no lease. */
  noteUse(projectId: string, sandboxId: string): Promise<boolean>;
}
