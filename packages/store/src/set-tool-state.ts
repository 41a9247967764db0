import type { DataPart, ToolPart } from '@switchyard/protocol';
import type { Database } from './database.ts';
import type { Ledger } from './stored.ts';

export interface SetToolState {
  readonly runId: string;
  readonly epoch: number;
  readonly callId: string;
  readonly ledger: Ledger;
  readonly incarnation?: string | null | undefined;
  /** The finished tool part; replaces the stored one. */
  readonly part?: ToolPart | undefined;
  /** Appended to the call's step, in stream order. */
  readonly appended?: readonly DataPart[] | undefined;
  readonly lastOrdinal: number;
}

/** Moves one call of the ledger, and stores its result with it. */
export async function setToolState(
  _sql: Database,
  _options: SetToolState,
): Promise<{ cancelRequested: boolean }> {
  throw new Error('not built yet');
}
