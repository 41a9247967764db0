import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';
import type { RunnableRun } from './stored.ts';

export interface RequestedCancel {
  readonly run: Run;
  /** The run had ended before this request; it was left as it is. */
  readonly wasEnded: boolean;
  /** The run has ended, by this request or an earlier one, and no worker ever claimed it: it has no log. */
  readonly endedBeforeClaim: boolean;
  /** Runs that this made runnable: the caller adds them to the queue. */
  readonly promoted: readonly RunnableRun[];
}

/** What `request_cancel` answers. */
export type RequestedCancelRow = Omit<RequestedCancel, 'run'> & { readonly run: RunRow };

/**
 * Asks a run to stop; ends it at once when no worker ever claimed it, and makes one runnable that waits for a person,
 * so that a worker ends it. Idempotent; never rewrites an ended run. Throws `not_found`, `forbidden`.
 */
export async function requestCancel(sql: Database, actor: Actor, runId: string): Promise<RequestedCancel> {
  const row = await answerOf(sql<{ answer: RequestedCancelRow }[]>`
    select request_cancel(${actorValue(sql, actor)}, ${runId}) as answer`);
  return requestedCancelOfRow(row);
}

export function requestedCancelOfRow(row: RequestedCancelRow): RequestedCancel {
  return { ...row, run: runOfRow(row.run) };
}
