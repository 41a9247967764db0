import { type Chunk, parseEventId, type RunEvent } from '@switchyard/protocol';
import type { Redis } from 'ioredis';
import { type LogBase, toBase } from './log-base.ts';
import { runLogKeys } from './run-log-keys.ts';
import { readRunLogScript } from './scripts/read-run-log.ts';
import { runScript } from './scripts/script.ts';

/** An event with the very bytes that are in the log, so that nobody has to encode it again. */
export interface LoggedEvent extends RunEvent {
  readonly json: string;
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
  /** The epoch that made this log. */
  readonly born: number;
  /** The epoch of the event at the base: whoever has its ordinal from another has something else. */
  readonly baseEpoch: number;
  /** Whether the base has moved since the log was made. */
  readonly isTrimmed: boolean;
}

type ReadReply =
  | []
  | [
      entries: [id: string, fields: string[]][],
      epoch: string,
      top: string,
      base: string,
      baseSteps: string,
      baseInStep: string,
      closedSteps: string,
      inStep: string,
      bytes: string,
      born: string,
      baseEpoch: string,
      isTrimmed: string,
    ];

/**
 * Reads events after an ordinal, oldest first, at most `count`, with the log's meta of the same instant; null = no log.
 * After an ordinal below the base the events begin with the one after the base.
 */
export async function readRunLog(
  redis: Redis,
  runId: string,
  options: { readonly afterOrdinal: number; readonly count?: number },
): Promise<{ readonly events: LoggedEvent[]; readonly meta: RunLogMeta | null }> {
  const reply = (await runScript(redis, readRunLogScript, runLogKeys(runId), [
    options.afterOrdinal,
    options.count ?? -1,
  ])) as ReadReply;
  if (reply.length === 0) return { events: [], meta: null };
  const [
    entries,
    epoch,
    top,
    base,
    baseSteps,
    baseInStep,
    closedSteps,
    inStep,
    bytes,
    born,
    baseEpoch,
    isTrimmed,
  ] = reply;
  return {
    events: entries.map(toEvent),
    meta: {
      epoch: Number(epoch),
      lastOrdinal: Number(top),
      base: toBase(base, baseSteps, baseInStep),
      closedSteps: Number(closedSteps),
      isInStep: inStep === '1',
      bytes: Number(bytes),
      born: Number(born),
      baseEpoch: Number(baseEpoch),
      isTrimmed: isTrimmed === '1',
    },
  };
}

/** The events of one published message, see `appendEntriesLua`. */
export function parseLogMessage(message: string): LoggedEvent[] {
  const [head = '', ...lines] = message.split('\n');
  const [epoch, first] = head.split(' ').map(Number);
  if (epoch === undefined || first === undefined) return [];
  return lines.map((json, index) => ({
    epoch,
    ordinal: first + index,
    chunk: JSON.parse(json) as Chunk,
    json,
  }));
}

function toEvent([id, [, json = '']]: [id: string, fields: string[]]): LoggedEvent {
  const position = parseEventId(id);
  if (!position) throw new Error(`The log has an entry with the id ${id}.`);
  return { ...position, chunk: JSON.parse(json) as Chunk, json };
}
