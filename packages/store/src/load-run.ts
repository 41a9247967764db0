import type { AccountId, Run, SwitchyardMessage, Thread } from '@switchyard/protocol';
import type { Database } from './database.ts';
import type { FileRow, StoredPart } from './stored.ts';

/** Everything that the loop starts from, as one consistent read. */
export interface RunContext {
  readonly run: Run;
  readonly thread: Thread;
  readonly project: { readonly id: string; readonly sandboxId: string | null };
  readonly accountId: AccountId;
  /** The thread's other messages, oldest first, superseded ones left out. */
  readonly history: SwitchyardMessage[];
  readonly messageId: string;
  /** The parts stored so far of this run's own message. */
  readonly parts: StoredPart[];
  /** Files attached to the thread's messages. */
  readonly files: FileRow[];
  readonly lastOrdinal: number;
  readonly cancelRequested: boolean;
  readonly instructions: string | null;
}

export async function loadRun(
  _sql: Database,
  _options: { readonly runId: string; readonly epoch: number },
): Promise<RunContext> {
  throw new Error('not built yet');
}
