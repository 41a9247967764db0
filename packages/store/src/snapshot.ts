import { AppError, type MessagePart, type Run } from '@switchyard/protocol';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { type RunRow, runOfRow } from './rows.ts';

export interface RunSnapshot {
  readonly run: Run;
  /** In stream order. */
  readonly parts: { readonly step: number; readonly part: MessagePart }[];
}

/**
 * The run and its stored parts as one consistent read, for late viewers. No actor: the caller has checked access by
 * `readRun`. Throws `not_found`.
 */
export async function snapshot(sql: Database, { runId }: { readonly runId: string }): Promise<RunSnapshot> {
  const row = await answerOf(sql<{ answer: { run: RunRow; parts: RunSnapshot['parts'] } | null }[]>`
    select (
      select json_build_object('run', r, 'parts', (
        select coalesce(json_agg(json_build_object('step', p.step, 'part', p.part) order by p.step, p.position), '[]')
        from parts p where p.message_id = r.message_id))
      from runs r where r.id = as_uuid(${runId})
    ) as answer`);
  if (!row) throw new AppError('not_found', 'The run does not exist.');
  return { run: runOfRow(row.run), parts: row.parts };
}
