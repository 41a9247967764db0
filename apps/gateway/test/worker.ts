import { appendRunLog, type LogBase, openRunLog, type Redis } from '@switchyard/bus';
import {
  type Chunk,
  endingChunks,
  type MessagePart,
  noUsage,
  type Run,
  type RunReason,
} from '@switchyard/protocol';
import { claimRun, type Database, finishRun, readFollowedRuns, storeParts } from '@switchyard/store';

/** A worker's part of a run, played by hand: the real store, the real log, no model. */
export interface Work {
  readonly epoch: number;
  readonly lastOrdinal: number;
  append(chunks: readonly Chunk[]): Promise<void>;
  /** One step with a text: streamed word by word, then stored. */
  step(text: string): Promise<void>;
  /** Ends the run in the store and appends its ending; `isSilent` leaves that to the gateway. */
  finish(reason: RunReason, options?: { readonly isSilent?: boolean }): Promise<Run>;
}

/** Claims the run and opens its log; with `again` the run was reclaimed and its new log begins after a base. */
export async function startWork(
  { sql, redis }: { sql: Database; redis: Redis },
  run: Run,
  again?: { readonly epoch: number; readonly base: LogBase },
): Promise<Work> {
  const epoch = again?.epoch ?? (await claim(sql, run));
  const opened = await openRunLog(redis, {
    runId: run.id,
    epoch,
    opening: [
      { type: 'start', messageId: run.messageId },
      { type: 'data-run', data: { runId: run.id, status: 'running', epoch }, transient: true },
    ],
    ...(again ? { base: again.base } : {}),
  });
  if (opened.outcome !== 'opened') throw new Error(`The log cannot be opened: ${opened.outcome}.`);
  let { lastOrdinal } = opened;
  let steps = again?.base.storedSteps ?? 0;

  async function append(chunks: readonly Chunk[]): Promise<void> {
    const appended = await appendRunLog(redis, {
      runId: run.id,
      epoch,
      firstOrdinal: lastOrdinal + 1,
      chunks,
    });
    if (appended.outcome !== 'appended') throw new Error(`Not appended: ${appended.outcome}.`);
    lastOrdinal += chunks.length;
  }

  return {
    epoch,
    get lastOrdinal() {
      return lastOrdinal;
    },
    append,
    async step(text) {
      steps += 1;
      const id = `text-${steps}`;
      await append([{ type: 'start-step' }, { type: 'text-start', id }]);
      for (const word of text.split(/(?<= )/)) await append([{ type: 'text-delta', id, delta: word }]);
      await append([{ type: 'text-end', id }]);
      const parts: MessagePart[] = [{ type: 'step-start' }, { type: 'text', text, state: 'done' }];
      await storeParts(sql, {
        runId: run.id,
        epoch,
        step: steps,
        parts: parts.map((part) => ({ part })),
        usage: noUsage,
        costUsd: 0,
        lastOrdinal,
        isFinal: false,
      });
      await append([{ type: 'finish-step' }]);
    },
    async finish(reason, { isSilent = false } = {}) {
      const { run: ended } = await finishRun(sql, { runId: run.id, epoch, reason, lastOrdinal });
      if (!isSilent) await append(endingChunks(ended));
      return ended;
    },
  };
}

async function claim(sql: Database, run: Run): Promise<number> {
  const [followed] = await readFollowedRuns(sql, [run.id]);
  const claim = await claimRun(sql, { runId: run.id, wakeup: followed!.wakeup, workerId: 'test' });
  if (claim.outcome !== 'claimed') throw new Error('The run cannot be claimed.');
  return claim.epoch;
}
