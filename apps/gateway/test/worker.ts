import { appendRunLog, type LogBase, openRunLog, type Redis } from '@switchyard/bus';
import {
  type Chunk,
  endingChunks,
  type MessagePart,
  newId,
  noUsage,
  type Run,
  type RunReason,
  type ToolPart,
} from '@switchyard/protocol';
import {
  claimRun,
  type Database,
  finishRun,
  parkRun,
  readFollowedRuns,
  snapshot,
  storeParts,
} from '@switchyard/store';

/** A call that waits for a person, as clients see it. */
export type AskedCall = Extract<ToolPart, { readonly state: 'approval-requested' }>;

/** A worker's part of a run, played by hand: the real store, the real log, no model. */
export interface Work {
  readonly epoch: number;
  readonly lastOrdinal: number;
  append(chunks: readonly Chunk[]): Promise<void>;
  /** One step with a text: streamed word by word, then stored. */
  step(text: string): Promise<void>;
  /** One step with a text and a call that waits for a person; with `isShown` false the log says neither. */
  ask(text: string, options?: { readonly isShown?: boolean }): Promise<AskedCall>;
  /** Ends the run in the store and appends its ending; `isSilent` leaves that to the gateway. */
  finish(reason: RunReason, options?: { readonly isSilent?: boolean }): Promise<Run>;
}

/**
 * Claims the run and opens its log. With a `base` the log begins anew after it, and with an `epoch` the run was reclaimed
 * under that. `maxBytes`: what the log may hold.
 */
export async function startWork(
  { sql, redis }: { sql: Database; redis: Redis },
  run: Run,
  {
    epoch: reclaimed,
    base,
    maxBytes,
  }: { readonly epoch?: number; readonly base?: LogBase; readonly maxBytes?: number } = {},
): Promise<Work> {
  const epoch = reclaimed ?? (await claim(sql, run));
  const opened = await openRunLog(redis, {
    runId: run.id,
    epoch,
    opening: [
      { type: 'start', messageId: run.messageId },
      { type: 'data-run', data: { runId: run.id, status: 'running', epoch }, transient: true },
    ],
    ...(base ? { base } : {}),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  if (opened.outcome !== 'opened') throw new Error(`The log cannot be opened: ${opened.outcome}.`);
  let { lastOrdinal } = opened;
  let { steps } = (await snapshot(sql, { runId: run.id })).run;

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

  /** Streams a text word by word, then stores the step. */
  async function answer(text: string, calls: readonly AskedCall[]): Promise<void> {
    steps += 1;
    const id = `text-${steps}`;
    await append([{ type: 'start-step' }, { type: 'text-start', id }]);
    for (const word of text.split(/(?<= )/)) await append([{ type: 'text-delta', id, delta: word }]);
    await append([{ type: 'text-end', id }]);
    const parts: MessagePart[] = [{ type: 'step-start' }, { type: 'text', text, state: 'done' }, ...calls];
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
  }

  return {
    epoch,
    get lastOrdinal() {
      return lastOrdinal;
    },
    append,
    async step(text) {
      await answer(text, []);
      await append([{ type: 'finish-step' }]);
    },
    async ask(text, { isShown = true } = {}) {
      const [toolCallId, approvalId, input] = [`call-${steps + 1}`, newId(), { command: 'deploy' }];
      const approval = { id: approvalId, requestReason: text };
      const part: AskedCall = {
        type: 'tool-shell',
        toolCallId,
        state: 'approval-requested',
        input,
        approval,
      };
      await answer(text, [part]);
      await append([{ type: 'tool-input-available', toolCallId, toolName: 'shell', input }]);
      await parkRun(sql, { runId: run.id, epoch, lastOrdinal, calls: [{ approvalId, part }] });
      const data = { runId: run.id, status: 'awaiting-approval', epoch } as const;
      if (!isShown) return part;
      await append([
        { type: 'tool-approval-request', approvalId, toolCallId, reason: text },
        { type: 'data-run', data, transient: true },
      ]);
      return part;
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
