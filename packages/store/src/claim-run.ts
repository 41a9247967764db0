import type { Database } from './database.ts';

export type RunClaim =
  | {
      readonly outcome: 'claimed';
      readonly epoch: number;
      readonly crashes: number;
      readonly cancelRequested: boolean;
    }
  | { readonly outcome: 'stale' };

/** Takes the run for this worker and fences every earlier epoch; `stale` when the job names nothing to run. */
export async function claimRun(
  _sql: Database,
  _options: { readonly runId: string; readonly wakeup: number; readonly workerId: string },
): Promise<RunClaim> {
  throw new Error('not built yet');
}
/** A new epoch for the same worker, after the log was gone or had a hole. */
export async function reclaimRun(
  _sql: Database,
  _options: { readonly runId: string; readonly epoch: number },
): Promise<{ epoch: number }> {
  throw new Error('not built yet');
}
