import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';

/**
 * The incarnation of the sandbox in which the newest call of the run's thread began, its own calls among them; null when
 * none did, or when the run was deleted. For workers: the caller has claimed the run.
 */
export async function readLastIncarnation(
  sql: Database,
  { runId }: { readonly runId: string },
): Promise<string | null> {
  return answerOf(sql<{ answer: string | null }[]>`
    select (
      select p.incarnation from runs r
      join messages m on m.thread_id = r.thread_id and m.superseded_at is null
      join parts p on p.message_id = m.id and p.incarnation is not null
      where r.id = ${runId}
      order by m.position desc, p.step desc, p.position desc limit 1
    ) as answer`);
}
