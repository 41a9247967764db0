import { isToolPart, type MessagePart, storableJson, toolNameOf, type ToolPart } from '@switchyard/protocol';
import type { Ledger, ToolEffect } from './stored.ts';

/** A part on its way into the store. */
export interface PartToStore {
  readonly part: MessagePart;
  /** Of a tool part; `once`, the careful one, when absent. */
  readonly effect?: ToolEffect | undefined;
}

/** One element of what the SQL function `insert_parts` takes. */
export interface PartRecord {
  readonly part: MessagePart;
  readonly callId?: string;
  readonly toolName?: string;
  readonly ledger?: Ledger;
  readonly effect?: ToolEffect;
}

/** The part as it can be stored, with its line in the ledger when it is a call. */
export function partRecord({ part, effect = 'once' }: PartToStore): PartRecord {
  const storable = storableJson(part);
  if (!isToolPart(storable)) return { part: storable };
  return {
    part: storable,
    callId: storable.toolCallId,
    toolName: toolNameOf(storable),
    ledger: ledgerOf(storable),
    effect,
  };
}

/** A call that already has its result needs no execution. */
function ledgerOf(part: ToolPart): Ledger {
  switch (part.state) {
    case 'output-available':
    case 'output-error':
    case 'output-denied':
      return 'done';
    case 'input-streaming':
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      return 'pending';
  }
}
