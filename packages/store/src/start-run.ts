import type { FileId, InputPart, Project, Run, RunLimits, Thread } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

export interface StartRunOptions {
  readonly idempotencyKey?: string | undefined;
  /** Hash of the request's body: the same key with another hash is refused. */
  readonly requestHash: string;
  /** Id or externalId of a thread of the account; absent: a new thread. */
  readonly threadId?: string | undefined;
  /** Absent: the thread's project, or a new one. */
  readonly projectId?: string | undefined;
  readonly model: string;
  readonly limits: RunLimits;
  readonly instructions?: string | undefined;
  readonly message: { readonly id?: string | undefined; readonly parts: readonly InputPart[] };
  readonly files?: readonly FileId[] | undefined;
}

export interface StartedRun {
  readonly run: Run;
  readonly thread: Thread;
  readonly project: Project;
  readonly wakeup: number;
  readonly priority: number;
  /** The idempotency key was seen before: nothing new was made. */
  readonly isReplay: boolean;
}

/** Stores the user's message, an empty assistant message and a queued run in one transaction. */
export async function startRun(
  _sql: Database,
  _actor: Actor,
  _options: StartRunOptions,
): Promise<StartedRun> {
  throw new Error('not built yet');
}
