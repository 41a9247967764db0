import type { FileId, InputPart } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';
import {
  commonRequest,
  messageRequest,
  type OnBusy,
  type RunOptions,
  type StartedRun,
  storeRun,
} from './start-run.ts';

/** The thread is found by `threadId` as id or externalId; an unknown one is made under it as externalId. */
export interface StartChatRunOptions extends RunOptions {
  /** `submit`: a message. `regenerate`: another answer to a message that is there. */
  readonly trigger: 'submit' | 'regenerate';
  /** Default `queue`. */
  readonly onBusy?: OnBusy | undefined;
  /**
   * The user's message, under the client's own id. Null parts only name a message that the thread has; otherwise they
   * are what is stored when it does not have it. No message at all when `answerId` says what is to be answered anew.
   */
  readonly message: null | {
    readonly id: string;
    readonly parts: readonly InputPart[] | null;
    readonly files?: readonly FileId[] | undefined;
    /** Hash of the parts as the client sent them: it tells an edit from a repetition. */
    readonly clientHash: string;
  };
  /** An edit's: the message that it replaces, when it brings an id of its own. */
  readonly replacedMessageId?: string | undefined;
  /** The assistant's message to replace by a new answer. */
  readonly answerId?: string | undefined;
}

/**
 * Starts the run that a chat asks for, in one transaction. A message that the thread has is joined when it is the same
 * (`isReplay`); a changed one supersedes the old and all that follows, a new answer the old answer and all that
 * follows, and runs of superseded messages are cancelled first. So requests sent twice, even at once, start one run.
 * Throws `not_found` (project, file; a message that was only named), `run_active`, `conflict` (the id of an assistant's
 * message), `invalid_request`, `forbidden`.
 */
export async function startChatRun(
  sql: Database,
  actor: Actor,
  options: StartChatRunOptions,
): Promise<StartedRun> {
  const { trigger, onBusy = 'queue', message, replacedMessageId, answerId } = options;
  return await storeRun(sql, actor, {
    request: {
      ...commonRequest(options),
      ...(message ? messageRequest({ ...message, parts: message.parts ?? [] }) : {}),
      clientHash: message?.clientHash,
      // Only an idempotency key is compared with it, and a chat has none.
      requestHash: message?.clientHash ?? '',
      createsThread: true,
      trigger,
      onBusy,
      replacedMessageId,
      answerId,
    },
    parts: message?.parts ?? null,
  });
}
