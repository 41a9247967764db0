import {
  AppError,
  type FileId,
  type InputPart,
  newId,
  type Project,
  type Run,
  type RunLimits,
  storableJson,
  type Thread,
} from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, jsonbValue, jsonValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { type ProjectRow, projectOfRow, type RunRow, runOfRow, type ThreadRow, threadOfRow } from './rows.ts';
import type { RunnableRun } from './stored.ts';

/** When the thread has an active run: refuse, wait behind it (`pending`), or cancel it and wait for its end. */
export type OnBusy = 'reject' | 'queue' | 'interrupt';

/** What every way to start a run takes. */
export interface RunOptions {
  /** Id or externalId of a thread of the account; absent: a new thread. */
  readonly threadId?: string | undefined;
  /** Absent: the thread's project, or a new one. */
  readonly projectId?: string | undefined;
  readonly model: string;
  readonly limits: RunLimits;
  readonly instructions?: string | undefined;
}

export interface StartRunOptions extends RunOptions {
  readonly idempotencyKey?: string | undefined;
  /** Hash of the request's body: the same key with another hash is refused. */
  readonly requestHash: string;
  /** Default `reject`. */
  readonly onBusy?: OnBusy | undefined;
  /** `id`: the client's own, any string, new in its thread. */
  readonly message: { readonly id?: string | undefined; readonly parts: readonly InputPart[] };
  /** Each is shown as a `data-file` part after the message's own parts. */
  readonly files?: readonly FileId[] | undefined;
}

/** A run that a start stopped. */
export interface StoppedRun {
  readonly run: Run;
  /** It ended at once, since no worker had claimed it: it has no log. */
  readonly endedBeforeClaim: boolean;
}

export interface StartedRun {
  readonly run: Run;
  readonly thread: Thread;
  readonly project: Project;
  readonly wakeup: number;
  /** BullMQ's: the account's own backlog + 1. */
  readonly priority: number;
  /** The run was there before, by its idempotency key or its message: nothing new was made. */
  readonly isReplay: boolean;
  /** Runs that the caller announces as cancelled. */
  readonly cancelled: readonly StoppedRun[];
  /** Other runs that became runnable: the caller adds them to the queue. */
  readonly promoted: readonly RunnableRun[];
}

/**
 * Stores the user's message, an empty assistant message and a run in one transaction, and a thread and project where
 * none are named. The run is `queued`, or `pending` behind the thread's active one. Throws `not_found` (thread, project,
 * file), `run_active` (details: runId), `idempotency_mismatch`, `conflict` (a message id used before),
 * `invalid_request`, `forbidden`.
 */
export async function startRun(sql: Database, actor: Actor, options: StartRunOptions): Promise<StartedRun> {
  const { idempotencyKey, requestHash, onBusy = 'reject', message, files } = options;
  return await storeRun(sql, actor, {
    request: {
      ...commonRequest(options),
      ...messageRequest({ ...message, files }),
      idempotencyKey,
      requestHash,
      onBusy,
    },
    parts: message.parts,
  });
}

/** What `start_run` always wants: new ids, and how to run. */
export function commonRequest(options: RunOptions): Readonly<Record<string, unknown>> {
  const { threadId, projectId, model, limits, instructions } = options;
  return {
    runId: newId(),
    messageId: newId(),
    userMessageId: newId(),
    newThreadId: newId(),
    newProjectId: newId(),
    threadId,
    projectId,
    model,
    limits,
    instructions,
  };
}

/** What it wants of the user's message; `parts` go beside the request. */
export function messageRequest({
  id,
  parts,
  files = [],
}: {
  readonly id?: string | undefined;
  readonly parts: readonly InputPart[];
  readonly files?: readonly FileId[] | undefined;
}): Readonly<Record<string, unknown>> {
  return {
    publicMessageId: checkMessageId(id),
    fileIds: files,
    linkedFileIds: parts.flatMap((part) => (part.type === 'file' ? [linkedFileId(part.url)] : [])),
  };
}

/** What `start_run` answers. */
export interface StartRunAnswer {
  readonly run: RunRow;
  readonly thread: ThreadRow;
  readonly project: ProjectRow;
  readonly isReplay: boolean;
  readonly cancelled: readonly {
    readonly run: RunRow;
    readonly endedBeforeClaim: boolean;
    readonly runnable: readonly RunnableRun[];
  }[];
  readonly promoted: readonly RunnableRun[];
}

/** Calls `start_run`; `parts` are null when no message comes with the request. */
export async function storeRun(
  sql: Database,
  actor: Actor,
  { request, parts }: { readonly request: object; readonly parts: readonly InputPart[] | null },
): Promise<StartedRun> {
  const row = await answerOf(sql<{ answer: StartRunAnswer }[]>`
    select start_run(${actorValue(sql, actor)}, ${jsonbValue(sql, request)}, ${jsonValue(sql, parts && storableJson(parts))}) as answer`);
  return startedRunOfRow(row);
}

export function startedRunOfRow(row: StartRunAnswer): StartedRun {
  const { run, thread, project, isReplay, cancelled, promoted } = row;
  return {
    run: runOfRow(run),
    thread: threadOfRow(thread),
    project: projectOfRow(project),
    wakeup: run.wakeup,
    priority: run.priority,
    isReplay,
    cancelled: cancelled.map((stopped) => ({
      run: runOfRow(stopped.run),
      endedBeforeClaim: stopped.endedBeforeClaim,
    })),
    // A run that was cancelled while it waited for a person needs a worker to end it.
    promoted: [...cancelled.flatMap(({ runnable }) => runnable), ...promoted],
  };
}

function checkMessageId(id: string | undefined): string | undefined {
  if (id !== undefined && (id === '' || id.length > 1000)) {
    throw new AppError('invalid_request', "A message's id has 1 to 1,000 characters.");
  }
  return id;
}

/** A file part names an uploaded file by the url that its upload answered, relative or absolute. */
function linkedFileId(url: string): string {
  const [, id] = /\/v1\/files\/([0-9a-fA-F-]{36})$/.exec(url) ?? [];
  if (!id) throw new AppError('invalid_request', "A file part's url is one that an upload answered.");
  return id;
}
