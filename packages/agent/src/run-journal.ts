import {
  createRunLogWriter,
  expireRunLog,
  type LogBase,
  openRunLog,
  type Redis,
  RunLogError,
  type RunLogWriter,
} from '@switchyard/bus';
import { type Chunk, newId } from '@switchyard/protocol';
import { type Database, reclaimRun, RunLostError } from '@switchyard/store';
import { type RunStop, RunStopped } from './run-stop.ts';
import { createSerial } from './serial.ts';
import { createStepChunks, type StepChunks } from './step-chunks.ts';
import { throughOutages } from './store-outage.ts';

/** What every worker verb of the store is told. */
export interface JournalPosition {
  readonly runId: string;
  readonly epoch: number;
  /** Of the last event in the log. */
  readonly lastOrdinal: number;
}

/**
 * Where a run is written: the log that viewers follow and the store, in one order, under one epoch. When the run turns
 * out to be somebody else's it is stopped as `lost`, and every call rejects with that `RunStopped`. A log that is gone
 * or has a hole is begun anew under a new epoch, with what the store does not have of it.
 */
export interface RunJournal {
  readonly runId: string;
  readonly epoch: number;
  /** The step that is open, or will be opened next, from 1. */
  readonly stepNumber: number;
  /** The chunks of the open step. */
  readonly step: Pick<StepChunks, 'isOpen' | 'chunks'>;
  /** Appends to the log; waits when the log is far behind. */
  show(...chunks: readonly Chunk[]): Promise<void>;
  /** Appends what is only for now. Never waits: while the log is behind it is left out. */
  showNow(chunk: Chunk): void;
  /** Calls a verb of the store once the log has all that was shown, then shows `chunks`; nothing comes between. */
  store<Value>(
    verb: (sql: Database, position: JournalPosition, hasRetried: boolean) => Promise<Value>,
    ...chunks: readonly Chunk[]
  ): Promise<Value>;
  /** Resolves when the log has everything. */
  flush(): Promise<void>;
  /** The run has ended: appends the last chunks, after which the log lives that long. A log that is gone stays so. */
  end(chunks: readonly Chunk[], graceMs: number): Promise<void>;
  /** Stops writing at once; what waits rejects. */
  close(): void;
}

export interface RunJournalOptions {
  readonly sql: Database;
  readonly redis: Redis;
  readonly runId: string;
  readonly epoch: number;
  /** As the open answered. */
  readonly lastOrdinal: number;
  /** Steps that the log has closed. */
  readonly closedSteps: number;
  readonly isInStep: boolean;
  readonly opening: readonly Chunk[];
  /** What the log shows of the open step and goes on showing. */
  readonly standing: readonly Chunk[];
  readonly stop: RunStop;
}

export function createRunJournal(options: RunJournalOptions): RunJournal {
  const { sql, redis, runId, stop } = options;
  const serial = createSerial();
  const step = createStepChunks();
  if (options.isInStep) step.add({ type: 'start-step' });
  for (const chunk of options.standing) step.add(chunk);
  let { epoch, closedSteps } = options;
  let hasEnded = false;
  let isBehind = false;
  let writer = openWriter(options.lastOrdinal);

  function openWriter(lastOrdinal: number): RunLogWriter {
    // Failures are met by the next write or flush, where they can be mended.
    return createRunLogWriter({ redis, runId, epoch, lastOrdinal, onFailure: () => undefined });
  }

  /** One action at a time; whatever says that the run is no longer ours stops it. */
  async function inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    return await serial(async () => {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof RunLostError) && !stop.lost.aborted && !isLoss(error)) throw error;
        stop.stop('lost');
        throw new RunStopped('lost');
      }
    });
  }

  async function append(chunks: readonly Chunk[]): Promise<void> {
    for (const chunk of chunks) {
      step.add(chunk);
      if (chunk.type === 'finish-step') closedSteps += 1;
    }
    await mended(async () => {
      for (const chunk of chunks) await writer.write(chunk);
    });
  }

  /** Does it, and once more whenever the log had to be begun anew; `append`ed chunks are then in the new log already. */
  async function mended(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof RunLogError)) throw error;
      await mend(error);
    }
  }

  async function mend(error: RunLogError): Promise<void> {
    const isMendable = error.outcome === 'gone' || error.outcome === 'hole';
    if (hasEnded || stop.lost.aborted || !isMendable) throw error;
    const { lastOrdinal } = writer;
    writer.close();
    const claimId = newId();
    ({ epoch } = await throughOutages(() => reclaimRun(sql, { runId, claimId, epoch }), stop.lost));
    const base: LogBase = { ordinal: lastOrdinal, storedSteps: closedSteps, inStep: false };
    const request = { runId, epoch, opening: options.opening, base };
    const opened = await throughOutages(() => openRunLog(redis, request), stop.lost);
    if (opened.outcome !== 'opened') throw new RunLogError('lost');
    writer = openWriter(opened.lastOrdinal);
    await mended(async () => {
      for (const chunk of step.chunks) await writer.write(chunk);
      await writer.flush();
    });
  }

  stop.lost.addEventListener('abort', () => writer.close(), { once: true });

  return {
    runId,
    step,
    get epoch() {
      return epoch;
    },
    get stepNumber() {
      return closedSteps + 1;
    },
    show: async (...chunks) => await inTurn(async () => await append(chunks)),
    showNow(chunk) {
      if (isBehind) return;
      try {
        const room = writer.write(chunk);
        if (!(room instanceof Promise)) return;
        isBehind = true;
        const goOn = () => {
          isBehind = false;
        };
        room.then(goOn, goOn);
      } catch (error) {
        // The next write or flush meets the same failure and mends it.
        if (!(error instanceof RunLogError)) throw error;
      }
    },
    store: async (verb, ...chunks) =>
      await inTurn(async () => {
        await mended(async () => await writer.flush());
        const answer = await throughOutages(
          async (hasRetried) =>
            await verb(sql, { runId, epoch, lastOrdinal: writer.lastOrdinal }, hasRetried),
          stop.lost,
        );
        await append(chunks);
        return answer;
      }),
    flush: async () => await inTurn(async () => await mended(async () => await writer.flush())),
    async end(chunks, graceMs) {
      await inTurn(async () => {
        hasEnded = true;
        await append(chunks);
        await mended(async () => await writer.flush());
        await expireRunLog(redis, runId, graceMs);
      });
      writer.close();
    },
    close() {
      writer.close();
    },
  };
}

/** A log that belongs to a higher epoch, or that took nothing for longer than a lock lives. */
function isLoss(error: unknown): boolean {
  if (error instanceof RunStopped) return error.stopCause === 'lost';
  return error instanceof RunLogError && error.outcome !== 'gone' && error.outcome !== 'hole';
}
