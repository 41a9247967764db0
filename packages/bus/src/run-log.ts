import type { Chunk } from '@switchyard/protocol';
import type { Redis } from 'ioredis';
import { type LogBase, toBase } from './log-base.ts';
import { runLogChannel, runLogKeys } from './run-log-keys.ts';
import { appendRunLogScript } from './scripts/append-run-log.ts';
import { expireRunLogScript } from './scripts/expire-run-log.ts';
import { openRunLogScript } from './scripts/open-run-log.ts';
import { runScript } from './scripts/script.ts';

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
  /**
   * How many bytes of chunks the log may hold; above it the oldest closed steps go, and the base moves to the end of the
   * last of them. Only an open step alone may hold more. Default 8 MiB.
   */
  readonly maxBytes?: number;
}

/**
 * Opens the log for an epoch, fences every lower one before anything is appended, and says where the log stands.
 * Calling it again with the same arguments (a reply was lost) changes nothing.
 */
export async function openRunLog(redis: Redis, request: OpenRunLogRequest): Promise<OpenOutcome> {
  const { runId, epoch, opening, base, ttlMs = openRunLogTtlMs, maxBytes = maxRunLogBytes } = request;
  const entries = opening.map(encodeChunk);
  const reply = (await runScript(redis, openRunLogScript, runLogKeys(runId), [
    epoch,
    runLogChannel(runId),
    ttlMs,
    maxBytes,
    base ? base.ordinal : '',
    base ? base.storedSteps : 0,
    base?.inStep ? 1 : 0,
    entries.map((entry) => entry.kind).join(''),
    ...entries.map((entry) => entry.json),
  ])) as string[];
  switch (reply[0]) {
    case 'opened': {
      const [, top, closedSteps, inStep, born, baseOrdinal, baseSteps, baseInStep] = reply;
      return {
        outcome: 'opened',
        lastOrdinal: Number(top),
        closedSteps: Number(closedSteps),
        isInStep: inStep === '1',
        isNew: Number(born) === epoch,
        base: toBase(baseOrdinal, baseSteps, baseInStep),
      };
    }
    case 'lost':
      return { outcome: 'lost' };
    case 'gone':
      return { outcome: 'gone' };
    default:
      throw new Error(`openRunLog: unexpected reply ${String(reply[0])}`);
  }
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
  return await appendEncoded(redis, { ...request, entries: request.chunks.map(encodeChunk) });
}

/** One chunk as it is written: its JSON, and what it does to the count of steps. */
export interface EncodedChunk {
  readonly json: string;
  /** `s` opens a step, `f` closes it, `-` neither. */
  readonly kind: 's' | 'f' | '-';
}

/** Encodes a chunk once, so that each retry sends the same bytes. */
export function encodeChunk(chunk: Chunk): EncodedChunk {
  return {
    json: JSON.stringify(chunk),
    kind: chunk.type === 'start-step' ? 's' : chunk.type === 'finish-step' ? 'f' : '-',
  };
}

/** `appendRunLog` for chunks that are encoded already. */
export async function appendEncoded(
  redis: Redis,
  request: {
    readonly runId: string;
    readonly epoch: number;
    readonly firstOrdinal: number;
    readonly entries: readonly EncodedChunk[];
  },
): Promise<AppendOutcome> {
  const { runId, epoch, firstOrdinal, entries } = request;
  const reply = (await runScript(redis, appendRunLogScript, runLogKeys(runId), [
    epoch,
    runLogChannel(runId),
    firstOrdinal,
    entries.map((entry) => entry.kind).join(''),
    ...entries.map((entry) => entry.json),
  ])) as string[];
  switch (reply[0]) {
    case 'appended':
      return { outcome: 'appended', lastOrdinal: Number(reply[1]) };
    case 'hole':
      return { outcome: 'hole', lastOrdinal: Number(reply[1]) };
    case 'lost':
      return { outcome: 'lost' };
    case 'gone':
      return { outcome: 'gone' };
    default:
      throw new Error(`appendRunLog: unexpected reply ${String(reply[0])}`);
  }
}

/** Sets the time after which the log vanishes: the grace time after the run's end. */
export async function expireRunLog(redis: Redis, runId: string, ms: number): Promise<void> {
  await runScript(redis, expireRunLogScript, runLogKeys(runId), [ms]);
}

/** How long a log lives after its last append while its run is open. */
const openRunLogTtlMs = 24 * 60 * 60 * 1000;
/** From the design: a thousand open runs fit a machine's memory, and few runs ever reach it. */
const maxRunLogBytes = 8 * 1024 * 1024;
