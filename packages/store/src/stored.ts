import type { MessagePart, Thread } from '@switchyard/protocol';

/** What is known of a tool call's effect: `executing` means that it may have begun, `unknown` that nobody can tell. */
export type Ledger = 'pending' | 'executing' | 'done' | 'unknown';

/** `read` may run again after a crash; `once` never silently. */
export type ToolEffect = 'read' | 'once';

/** One part of a run's message with its step (from 1), and the ledger of its call when it is a tool part. */
export interface StoredPart {
  readonly step: number;
  readonly part: MessagePart;
  readonly call: null | {
    readonly callId: string;
    readonly toolName: string;
    readonly ledger: Ledger;
    readonly effect: ToolEffect;
    /** Sandbox incarnation under which the call began; null before that, or without a sandbox. */
    readonly incarnation: string | null;
  };
}

/** An uploaded file. `path` is where it lies in the workspace, relative; null until a run attaches it to a project. */
export interface FileRow {
  readonly id: string;
  readonly projectId: string | null;
  /** As the client named it. */
  readonly name: string;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** Key of the blob in storage. */
  readonly objectKey: string;
  readonly path: string | null;
  readonly createdAt: string;
}

export interface ThreadPage {
  readonly threads: Thread[];
  readonly nextBefore: string | null;
}

/** What a worker needs to ask the queue for a run: the job id is `<runId>.<wakeup>`. */
export interface RunnableRun {
  readonly runId: string;
  readonly wakeup: number;
  /** BullMQ priority: 1 is served first. */
  readonly priority: number;
}

/** What a deletion leaves to its caller. */
export interface DeletedRuns {
  /** Those that were open, whose workers are to be told, and those whose logs may be there still. */
  readonly runs: readonly { readonly runId: string; readonly wasOpen: boolean }[];
  /** Runs that this made runnable: the caller adds them to the queue. */
  readonly promoted: readonly RunnableRun[];
}
