import type { Run } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

export async function readRun(_sql: Database, _actor: Actor, _runId: string): Promise<Run> {
  throw new Error('not built yet');
}
/** The thread's runs, newest first. `threadId` is an id or an externalId. */
export async function listThreadRuns(_sql: Database, _actor: Actor, _threadId: string): Promise<Run[]> {
  throw new Error('not built yet');
}
