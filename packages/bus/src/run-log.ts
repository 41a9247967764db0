import type { Redis } from 'ioredis';
import type { Chunk, RunEvent } from '@switchyard/protocol';

/** An event with the very bytes that are in the log, so that nobody has to encode it again. */
export interface LoggedEvent extends RunEvent {
  readonly json: string;
}

/**
 * Where a log begins: after `ordinal`, with what the store has of the run's first `storedSteps` steps in place of the
 * entries before it. 0, 0, false for a log that is whole.
 */
export interface LogBase {
  /** The last ordinal that was ever assigned before this log. */
  readonly ordinal: number;
  readonly storedSteps: number;
  /** True when the log goes on in the middle of step `storedSteps + 1`. */
  readonly inStep: boolean;
}

export interface RunLogMeta {
  readonly epoch: number;
  readonly lastOrdinal: number;
  readonly base: LogBase;
  /** How many steps were closed by `finish-step`, those before the base included. */
  readonly closedSteps: number;
  readonly isInStep: boolean;
  /** Sum of the entries' JSON, in bytes. */
  readonly bytes: number;
}

export type OpenOutcome =
  | {
      readonly outcome: 'opened';
      readonly lastOrdinal: number;
      readonly closedSteps: number;
      readonly isInStep: boolean;
      /** True when this epoch's open made the log (and appended the opening, unless it has a base above 0). */
      readonly isNew: boolean;
      readonly base: LogBase;
    }
  /** The log has a higher epoch: somebody else claimed the run. */
  | { readonly outcome: 'lost' }
  /**
   * There is no log though this is not the run's first claim, and no base was given: either an earlier claim died
   * before its open, or the log expired or was flushed. Read the run and open again with its base (ordinal 0 when
   * nothing was ever stored: the opening is then appended as by a first open).
   */
  | { readonly outcome: 'gone' };

export type AppendOutcome =
  | { readonly outcome: 'appended'; readonly lastOrdinal: number }
  | { readonly outcome: 'lost' }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'hole'; readonly lastOrdinal: number };

export interface OpenRunLogRequest {
  readonly runId: string;
  readonly epoch: number;
  /** `start` and `data-run`; appended only by the very first open of the run. */
  readonly opening: readonly Chunk[];
  /** Given for a log that is gone or has a hole, with a newly claimed epoch: what is there is replaced. */
  readonly base?: LogBase;
  /** How long the log lives after its last append. Default 24 h. */
  readonly ttlMs?: number;
}

/**
 * Opens the log for an epoch, fences every lower one before anything is appended, and says where the log stands.
 * Calling it again with the same arguments (a reply was lost) changes nothing.
 */
export async function openRunLog(redis: Redis, request: OpenRunLogRequest): Promise<OpenOutcome> {
  throw new Error(`not built: ${redis.status} ${request.runId}`);
}

/**
 * Appends chunks under consecutive ordinals and publishes them. Ordinals that are there already are skipped, so a
 * retry after a lost reply is harmless. `lost`: the log has a higher epoch; `gone`: a key is missing; `hole`: the log
 * ends before `firstOrdinal - 1` or was never opened for this epoch (Redis came back with older data).
 */
export async function appendRunLog(
  redis: Redis,
  request: {
    readonly runId: string;
    readonly epoch: number;
    readonly firstOrdinal: number;
    readonly chunks: readonly Chunk[];
  },
): Promise<AppendOutcome> {
  throw new Error(`not built: ${redis.status} ${request.runId}`);
}

/** Reads events after an ordinal, oldest first, at most `count`, with the log's meta of the same instant; null = no log. */
export async function readRunLog(
  redis: Redis,
  runId: string,
  options: { readonly afterOrdinal: number; readonly count?: number },
): Promise<{ readonly events: LoggedEvent[]; readonly meta: RunLogMeta | null }> {
  throw new Error(`not built: ${redis.status} ${runId} ${options.afterOrdinal}`);
}

/** Sets the time after which the log vanishes: the grace time after the run's end. */
export async function expireRunLog(redis: Redis, runId: string, ms: number): Promise<void> {
  throw new Error(`not built: ${redis.status} ${runId} ${ms}`);
}
