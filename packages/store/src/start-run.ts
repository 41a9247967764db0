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
  /** `id`: the client's own, any string, new in its thread. */
  readonly message: { readonly id?: string | undefined; readonly parts: readonly InputPart[] };
  /** Each is shown as a `data-file` part after the message's own parts. */
  readonly files?: readonly FileId[] | undefined;
}

export interface StartedRun {
  readonly run: Run;
  readonly thread: Thread;
  readonly project: Project;
  readonly wakeup: number;
  /** BullMQ's: the account's own backlog + 1. */
  readonly priority: number;
  /** The idempotency key was seen before: nothing new was made. */
  readonly isReplay: boolean;
}

/**
 * Stores the user's message, an empty assistant message and a queued run in one transaction, and a thread and project
 * where none are named. Throws `not_found` (thread, project, file), `run_active` (details: runId),
 * `idempotency_mismatch`, `conflict` (a message id used before), `invalid_request`, `forbidden`.
 */
export async function startRun(sql: Database, actor: Actor, options: StartRunOptions): Promise<StartedRun> {
  const { message } = options;
  const request = {
    runId: newId(),
    messageId: newId(),
    userMessageId: newId(),
    newThreadId: newId(),
    newProjectId: newId(),
    threadId: options.threadId,
    projectId: options.projectId,
    publicMessageId: checkMessageId(message.id),
    model: options.model,
    limits: options.limits,
    instructions: options.instructions,
    idempotencyKey: options.idempotencyKey,
    requestHash: options.requestHash,
    fileIds: options.files ?? [],
    linkedFileIds: message.parts.flatMap((part) => (part.type === 'file' ? [linkedFileId(part.url)] : [])),
  };
  const answer = await answerOf(sql<
    { answer: { run: RunRow; thread: ThreadRow; project: ProjectRow; isReplay: boolean } }[]
  >`
    select start_run(${actorValue(sql, actor)}, ${jsonbValue(sql, request)}, ${jsonValue(sql, storableJson(message.parts))}) as answer`);
  return {
    run: runOfRow(answer.run),
    thread: threadOfRow(answer.thread),
    project: projectOfRow(answer.project),
    wakeup: answer.run.wakeup,
    priority: answer.run.priority,
    isReplay: answer.isReplay,
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
