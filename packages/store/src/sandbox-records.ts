import { randomUUID } from 'node:crypto';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';

/** Who was given the lease of a project's sandbox, and what is known of the sandbox then. */
type LeaseAnswer =
  | {
      readonly outcome: 'taken';
      readonly leaseId: string;
      /** Its name at the service: no other sandbox ever has it. */
      readonly name: string;
      /** Null before it was ready for the first time. */
      readonly sandboxId: string | null;
    }
  /** `busy`: somebody works in it, and it was asked for only if nobody does. `gone`: there is no such project. */
  | { readonly outcome: 'held' | 'busy' | 'gone' };

interface Lease {
  readonly projectId: string;
  readonly leaseId: string;
}

type Admission =
  | { readonly outcome: 'admitted' | 'lost' }
  /** `idle`: projects whose sandboxes run though nobody works in them, the longest unused first. */
  | { readonly outcome: 'full'; readonly idle: readonly string[] };

/**
 * What the projects' rows say of their sandboxes, as `SandboxRecords` of the package `sandbox` wants it. An account has at
 * most `maxRunningPerAccount` of them running. Each method throws `unavailable` when Postgres does not answer.
 */
export function createSandboxRecords(
  sql: Database,
  { maxRunningPerAccount }: { readonly maxRunningPerAccount: number },
) {
  return {
    /** Takes the lease for so long, by the database's clock; with `isIdleOnly` if nobody works in the sandbox. */
    async lease(
      projectId: string,
      { forMs, isIdleOnly = false }: { readonly forMs: number; readonly isIdleOnly?: boolean },
    ): Promise<LeaseAnswer> {
      const leaseId = randomUUID();
      const answer = await answerOf(sql<{ answer: LeaseAnswer }[]>`
        select lease_sandbox(${projectId}, ${leaseId}, ${forMs}, ${isIdleOnly}) as answer`);
      return answer.outcome === 'taken' ? { ...answer, leaseId } : answer;
    },
    /** False when somebody else has, or had, the lease since. */
    async renew({ projectId, leaseId }: Lease, { forMs }: { readonly forMs: number }): Promise<boolean> {
      return await answerOf(sql<{ answer: boolean }[]>`
        select renew_sandbox_lease(${projectId}, ${leaseId}, ${forMs}) as answer`);
    },
    async giveBack({ projectId, leaseId }: Lease): Promise<void> {
      await answerOf(sql<{ answer: boolean }[]>`
        select return_sandbox_lease(${projectId}, ${leaseId}) as answer`);
    },
    /** Asked before the sandbox is started or made: counts it among the running ones of its account. */
    async admit({ projectId, leaseId }: Lease): Promise<Admission> {
      return await answerOf(sql<{ answer: Admission }[]>`
        select admit_sandbox(${projectId}, ${leaseId}, ${maxRunningPerAccount}) as answer`);
    },
    /** It is ready under this id. False when the lease is lost. */
    async save({ projectId, leaseId }: Lease, sandboxId: string): Promise<boolean> {
      return await answerOf(sql<{ answer: boolean }[]>`
        select save_sandbox(${projectId}, ${leaseId}, ${sandboxId}) as answer`);
    },
    /** It does not run any more. False when the lease is lost. */
    async noteRest({ projectId, leaseId }: Lease): Promise<boolean> {
      return await answerOf(sql<{ answer: boolean }[]>`
        select note_sandbox_rest(${projectId}, ${leaseId}) as answer`);
    },
    /**
     * Gives it up, to be removed once `keepMs` have passed, and never when that is null. The name of the next one; null
     * when the lease is lost.
     */
    async replace(
      { projectId, leaseId }: Lease,
      { keepMs }: { readonly keepMs: number | null },
    ): Promise<string | null> {
      return await answerOf(sql<{ answer: string | null }[]>`
        select replace_sandbox(${projectId}, ${leaseId}, ${keepMs}) as answer`);
    },
    /** Whether it is the project's sandbox still, which then runs and was used now. Needs no lease. */
    async noteUse(projectId: string, sandboxId: string): Promise<boolean> {
      return await answerOf(sql<{ answer: boolean }[]>`
        select note_sandbox_use(${projectId}, ${sandboxId}) as answer`);
    },
  };
}
