import type { Run, RunReason, ToolPart, Usage } from '@switchyard/protocol';
import type { Database } from './database.ts';
import type { PartToStore } from './store-parts.ts';
import type { RunnableRun } from './stored.ts';

export interface FinishRun {
  readonly runId: string;
  readonly epoch: number;
  readonly reason: RunReason;
  readonly error?: { readonly code: string; readonly detail: string } | undefined;
  /** The step that was under way, closed; not stored before. Without usage its reservation is settled by estimate. */
  readonly lastStep?:
    | {
        readonly step: number;
        readonly parts: readonly PartToStore[];
        readonly usage?: Usage | undefined;
        readonly costUsd?: number | null | undefined;
      }
    | undefined;
  /** Calls of stored steps that will get no result of their own. */
  readonly closedCalls?: readonly { readonly callId: string; readonly part: ToolPart }[] | undefined;
  /** Of the last event appended before the two ending chunks. */
  readonly lastOrdinal: number;
  readonly cancelReceipt?:
    | { readonly modelAbortedAt?: string | undefined; readonly toolKilledAt?: string | undefined }
    | undefined;
}

/** Ends the run; a requested cancel wins over any reason. */
export async function finishRun(
  _sql: Database,
  _options: FinishRun,
): Promise<{ run: Run; promoted: RunnableRun[] }> {
  throw new Error('not built yet');
}
