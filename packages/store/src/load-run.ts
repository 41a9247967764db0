import type { AccountId, MessagePart, Run, SwitchyardMessage, Thread } from '@switchyard/protocol';
import { answerOf } from './answer-of.ts';
import type { Database } from './database.ts';
import { RunLostError } from './errors.ts';
import {
  fileOfRow,
  type MessageRow,
  messageOfRow,
  type RunRow,
  runOfRow,
  type StoredFileRow,
  type ThreadRow,
  threadOfRow,
} from './rows.ts';
import type { FileRow, Ledger, StoredPart, ToolEffect } from './stored.ts';

/** Everything that the loop starts from, as one consistent read. */
export interface RunContext {
  readonly run: Run;
  readonly thread: Thread;
  /** The thread has no title but first words, which only stand until a run writes one. */
  readonly isTitleProvisional: boolean;
  readonly project: {
    readonly id: string;
    readonly sandboxId: string | null;
    /** What every run of the project is told. */
    readonly instructions: string | null;
  };
  readonly accountId: AccountId;
  /** The thread's other messages, oldest first, superseded ones left out. */
  readonly history: SwitchyardMessage[];
  readonly messageId: string;
  /** The parts stored so far of this run's own message. */
  readonly parts: StoredPart[];
  /** All files that runs attached to the project: a new sandbox needs each of them. */
  readonly files: FileRow[];
  readonly lastOrdinal: number;
  /** The event under which the run waited for a person last. */
  readonly waitEventId: string | null;
  /** How long it has waited for people, in ms; no part of its time limit. */
  readonly waitedMs: number;
  /** Whether people have corrected it: then a step may find corrections to read. */
  readonly hasCorrections: boolean;
  /** It waited for a person who did not answer in time. */
  readonly hasExpiredApproval: boolean;
  readonly cancelRequested: boolean;
  readonly instructions: string | null;
}

/** A part with the ledger's columns, all null when it is no call. */
interface StoredPartRow {
  readonly step: number;
  readonly part: MessagePart;
  readonly callId: string | null;
  readonly toolName: string;
  readonly ledger: Ledger;
  readonly effect: ToolEffect;
  readonly incarnation: string | null;
}

interface RunContextRow {
  readonly run: RunRow;
  readonly thread: ThreadRow;
  readonly project: RunContext['project'];
  readonly history: MessageRow[];
  readonly parts: StoredPartRow[];
  readonly files: StoredFileRow[];
  readonly hasCorrections: boolean;
  readonly hasExpiredApproval: boolean;
}

/** Throws RunLostError. */
export async function loadRun(
  sql: Database,
  { runId, epoch }: { readonly runId: string; readonly epoch: number },
): Promise<RunContext> {
  const row = await answerOf(sql<{ answer: RunContextRow | null }[]>`
    select load_run(${runId}, ${epoch}) as answer`);
  if (!row) throw new RunLostError({ runId, epoch });
  return {
    run: runOfRow(row.run),
    thread: threadOfRow(row.thread),
    isTitleProvisional: row.thread.is_title_provisional,
    project: row.project,
    accountId: row.run.account_id as AccountId,
    history: row.history.map(messageOfRow),
    messageId: row.run.message_id,
    parts: row.parts.map(storedPartOfRow),
    files: row.files.map(fileOfRow),
    lastOrdinal: row.run.last_ordinal,
    waitEventId: row.run.wait_event_id,
    waitedMs: row.run.waited_ms,
    hasCorrections: row.hasCorrections,
    hasExpiredApproval: row.hasExpiredApproval,
    cancelRequested: row.run.cancel_requested_at !== null,
    instructions: row.run.instructions,
  };
}

function storedPartOfRow({ step, part, callId, ...call }: StoredPartRow): StoredPart {
  return { step, part, call: callId === null ? null : { callId, ...call } };
}
