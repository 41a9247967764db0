import type { RunStatus } from '@switchyard/protocol';
import type { Database } from './database.ts';
import type { RunnableRun } from './stored.ts';

/** Queued and running runs whose row nobody touched for a while; whether they have a live job is the queue's to say. */
export async function findUnattendedRuns(
  _sql: Database,
  _options: { readonly olderThanMs: number; readonly limit: number },
): Promise<(RunnableRun & { readonly status: RunStatus })[]> {
  throw new Error('not built yet');
}
/** Compare and set: a running run goes back to `queued`; null when the wakeup has moved on or the run is not runnable. */
export async function raiseWakeup(
  _sql: Database,
  _options: { readonly runId: string; readonly wakeup: number },
): Promise<{ wakeup: number } | null> {
  throw new Error('not built yet');
}
