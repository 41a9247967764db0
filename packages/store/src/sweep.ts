import type { RunStatus } from '@switchyard/protocol';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import type { RunnableRun } from './stored.ts';

/**
 * What may be wrong with a run. `unattended`: it is queued or running and nobody touched it; whether it has a live job is
 * the queue's to say. `uncancelled`: it was asked to stop and did not. `stranded`: it is pending in a thread that is
 * free. `expired`: it waits for a person whose time is over.
 */
export type RunTrouble = 'unattended' | 'uncancelled' | 'stranded' | 'expired';

export interface TroubledRun extends RunnableRun {
  readonly status: RunStatus;
  readonly trouble: RunTrouble;
}

/**
 * Runs that may need help, oldest first. Long runs of living workers come again each time, so a full page is followed
 * by the one `after` its last run.
 */
export async function findTroubledRuns(
  sql: Database,
  options: {
    readonly untouchedMs: number;
    /** How long a living worker may take to end a run that was asked to stop. */
    readonly cancellingMs: number;
    readonly limit: number;
    readonly after?: string | undefined;
  },
): Promise<TroubledRun[]> {
  const { untouchedMs, cancellingMs, limit, after = null } = options;
  return answerOf(sql<{ answer: TroubledRun[] }[]>`
    select find_troubled_runs(${untouchedMs}, ${cancellingMs}, ${limit}, ${after}) as answer`);
}

/**
 * Makes a troubled run runnable. Compare and set: null when the wakeup has moved on or nothing is wrong with it any more.
 * A running run goes back to `queued`, its worker is fenced, and the next claim sees one more crash.
 */
export async function wakeRun(
  sql: Database,
  { runId, wakeup }: { readonly runId: string; readonly wakeup: number },
): Promise<{ wakeup: number } | null> {
  const raised = await answerOf(sql<{ answer: number | null }[]>`
    select wake_run(${runId}, ${wakeup}) as answer`);
  return raised === null ? null : { wakeup: raised };
}

/** Remembers keys of objects that are about to be written and have no row yet: who never makes one is swept up. */
export async function reserveObjects(sql: Database, keys: readonly string[]): Promise<void> {
  await answerOf(sql<{ answer: null }[]>`select reserve_objects(${[...keys]}) as answer`);
}

/**
 * Keys of objects in storage that belong to nobody, oldest first; files that no run took up for `unclaimedMs` are let go
 * before. What is removed from storage is then forgotten by `forgetObjects`.
 */
export async function findLooseObjects(
  sql: Database,
  { unclaimedMs, limit }: { readonly unclaimedMs: number; readonly limit: number },
): Promise<string[]> {
  return answerOf(sql<{ answer: string[] }[]>`select find_loose_objects(${unclaimedMs}, ${limit}) as answer`);
}

export async function forgetObjects(sql: Database, keys: readonly string[]): Promise<void> {
  await answerOf(sql<{ answer: null }[]>`select forget_objects(${[...keys]}) as answer`);
}

/** Names of sandboxes that no project has any more and that should be looked for now, the longest due first. */
export async function findDiscardedSandboxes(
  sql: Database,
  { limit }: { readonly limit: number },
): Promise<string[]> {
  return answerOf(sql<{ answer: string[] }[]>`select find_discarded_sandboxes(${limit}) as answer`);
}

/**
 * Says whether a discarded sandbox was not there when it was looked for. It is forgotten then, if it was discarded
 * `settleMs` ago, so that nobody can still be making it; else it is found again in a minute. Answers whether it is forgotten.
 */
export async function settleDiscardedSandbox(
  sql: Database,
  {
    name,
    isAbsent,
    settleMs,
  }: { readonly name: string; readonly isAbsent: boolean; readonly settleMs: number },
): Promise<boolean> {
  return answerOf(sql<{ answer: boolean }[]>`
    select settle_discarded_sandbox(${name}, ${isAbsent}, ${settleMs}) as answer`);
}
