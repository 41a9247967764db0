import { AppError } from '@switchyard/protocol';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';

/**
 * Sets the project's sandbox if it still is the `expected` one; answers the id that stands, which is another worker's
 * when that was faster. Throws `not_found` for a project that is gone.
 */
export async function saveSandboxId(
  sql: Database,
  {
    projectId,
    sandboxId,
    expected,
  }: { readonly projectId: string; readonly sandboxId: string; readonly expected: string | null },
): Promise<string> {
  const standing = await answerOf(sql<{ answer: string | null }[]>`
    select save_sandbox_id(${projectId}, ${sandboxId}, ${expected}) as answer`);
  if (standing === null) throw new AppError('not_found', 'The project does not exist.');
  return standing;
}
