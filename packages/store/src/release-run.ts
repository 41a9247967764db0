import type { Database } from './database.ts';

/** Hand-over: `running` → `queued` under the same wakeup; no crash is counted. */
export async function releaseRun(
  _sql: Database,
  _options: { readonly runId: string; readonly epoch: number; readonly lastOrdinal: number },
): Promise<void> {
  throw new Error('not built yet');
}
/** Whether a cancel was asked for. */
export async function isCancelRequested(
  _sql: Database,
  _options: { readonly runId: string; readonly epoch: number },
): Promise<boolean> {
  throw new Error('not built yet');
}
