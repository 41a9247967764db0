import type { RunStatus } from '@switchyard/protocol';
import { answerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';

export interface FollowedRun {
  readonly runId: string;
  readonly status: RunStatus;
  readonly wakeup: number;
  /** The event under which it waited for a person last; null before the first time. */
  readonly waitEventId: string | null;
}

/**
 * Where runs stand that viewers follow, in one query for all of them; an id that names no run is left out. No actor:
 * the caller checked each viewer's access by `readRun` before.
 */
export async function readFollowedRuns(sql: Database, runIds: readonly string[]): Promise<FollowedRun[]> {
  return answerOf(sql<{ answer: FollowedRun[] }[]>`
    select coalesce(json_agg(json_build_object('runId', r.id, 'status', r.status, 'wakeup', r.wakeup,
      'waitEventId', r.wait_event_id)), '[]') as answer
    from runs r join jsonb_array_elements_text(${jsonbValue(sql, runIds)}) as wanted (id) on r.id = as_uuid(wanted.id)`);
}
