import type { MessagePart, Usage } from '@switchyard/protocol';
import type { Database } from './database.ts';
import type { ToolEffect } from './stored.ts';

export interface PartToStore {
  readonly part: MessagePart;
  /** Of a tool part; `once` when absent. */
  readonly effect?: ToolEffect | undefined;
}

export interface StoreParts {
  readonly runId: string;
  readonly epoch: number;
  /** From 1. */
  readonly step: number;
  /** The whole step with its `step-start` part, as folded when the model's answer ended. */
  readonly parts: readonly PartToStore[];
  readonly usage: Usage;
  readonly costUsd: number | null;
  readonly lastOrdinal: number;
  /** No further step is reserved. */
  readonly isFinal: boolean;
}

/** Stores one step, settles its usage and reserves the next one's. */
export async function storeParts(
  _sql: Database,
  _options: StoreParts,
): Promise<{ cancelRequested: boolean }> {
  throw new Error('not built yet');
}
