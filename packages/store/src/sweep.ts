import type { RunStatus } from '@switchyard/protocol';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import type { RunnableRun } from './stored.ts';

export interface UnattendedRun extends RunnableRun {
  readonly status: RunStatus;
}

/**
 * Queued and running runs whose row nobody touched for a while, oldest first. Whether they have a live job is the
 * queue's to say; those that do come again each time, so a full page is followed by the one `after` its last run.
 */
export async function findUnattendedRuns(
  sql: Database,
  {
    olderThanMs,
    limit,
    after,
  }: { readonly olderThanMs: number; readonly limit: number; readonly after?: string | undefined },
): Promise<UnattendedRun[]> {
  return answerOf(sql<{ answer: UnattendedRun[] }[]>`
    select coalesce(json_agg(json_build_object('runId', r.id, 'wakeup', r.wakeup, 'status', r.status, 'priority', r.priority) order by r.id), '[]') as answer
    from (
      select * from runs
      where status in ('queued', 'running') and touched_at < now() - ${olderThanMs} * interval '1 millisecond'
        and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
      order by id limit ${limit}) r`);
}

/**
 * Makes a run whose job is gone runnable again. Compare and set: null when the wakeup has moved on or the run is not
 * runnable. A running run goes back to `queued`, its worker is fenced, and the next claim sees one more crash.
 */
export async function raiseWakeup(
  sql: Database,
  { runId, wakeup }: { readonly runId: string; readonly wakeup: number },
): Promise<{ wakeup: number } | null> {
  const raised = await answerOf(sql<{ answer: number | null }[]>`
    select raise_wakeup(${runId}, ${wakeup}) as answer`);
  return raised === null ? null : { wakeup: raised };
}
