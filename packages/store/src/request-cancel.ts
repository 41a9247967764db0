import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

/** Asks a run to stop; ends it at once when no worker ever claimed it. Idempotent; never rewrites an ended run. */
export async function requestCancel(
  _sql: Database,
  _actor: Actor,
  _runId: string,
): Promise<{ run: Run; wasEnded: boolean; endedBeforeClaim: boolean }> {
  throw new Error('not built yet');
}
