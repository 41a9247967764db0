import { openRunLog, type OpenOutcome, type Redis } from '@switchyard/bus';
import { type Chunk, metadataOfRun, parseEventId } from '@switchyard/protocol';
import { type Database, loadRun, type RunContext } from '@switchyard/store';
import { isOpenCall, planReplay, type Replay } from './plan-replay.ts';
import { createRunJournal, type RunJournal } from './run-journal.ts';
import { type RunStop, RunStopped } from './run-stop.ts';
import { throughOutages } from './store-outage.ts';

/** A claimed run, ready to go on: its log says what the store has. */
export interface OpenedRun {
  readonly context: RunContext;
  readonly journal: RunJournal;
  readonly replay: Replay;
}

/**
 * Reads a claimed run, opens its log and mends it. The claim has fenced the store, so what is read stands; the open
 * fences the log and tells how far an earlier worker came. Rejects with `RunStopped('lost')` when somebody else has
 * claimed meanwhile.
 */
export async function openRun(options: {
  readonly sql: Database;
  readonly redis: Redis;
  readonly runId: string;
  readonly epoch: number;
  readonly stop: RunStop;
}): Promise<OpenedRun> {
  const { sql, redis, runId, epoch, stop } = options;
  const context = await throughOutages(() => loadRun(sql, { runId, epoch }), stop.lost);
  const opening = openingOf(context, epoch);
  const opened = await openLog(options, context, opening);
  const wait = context.waitEventId === null ? null : parseEventId(context.waitEventId);
  const isAtWait = opened.isInStep && opened.lastOrdinal === wait?.ordinal;
  const replay = planReplay({ ...opened, isAtWait }, context.parts);
  const { standing } = replay;
  const journal = createRunJournal({ ...opened, sql, redis, runId, epoch, stop, opening, standing });
  if (replay.chunks.length > 0) await journal.show(...replay.chunks);
  return { context, journal, replay };
}

function openingOf({ run, messageId }: RunContext, epoch: number): Chunk[] {
  return [
    { type: 'start', messageId, messageMetadata: metadataOfRun(run) },
    { type: 'data-run', data: { runId: run.id, status: 'running', epoch }, transient: true },
  ];
}

/**
 * Opens the log. One that is gone, or that ends before the last event the store knows of (Redis came back with older
 * data), begins anew after the steps that are complete in the store.
 */
async function openLog(
  { redis, runId, epoch, stop }: Parameters<typeof openRun>[0],
  context: RunContext,
  opening: readonly Chunk[],
): Promise<Extract<OpenOutcome, { outcome: 'opened' }>> {
  const request = { runId, epoch, opening };
  let opened = await throughOutages(() => openRunLog(redis, request), stop.lost);
  const isOlder = opened.outcome === 'opened' && opened.lastOrdinal < context.lastOrdinal;
  if (opened.outcome === 'gone' || isOlder) {
    const steps = new Set(context.parts.map(({ step }) => step));
    const open = new Set(context.parts.filter(isOpenCall).map(({ step }) => step));
    const base = { ordinal: context.lastOrdinal, storedSteps: steps.size - open.size, inStep: false };
    opened = await throughOutages(() => openRunLog(redis, { ...request, base }), stop.lost);
  }
  if (opened.outcome === 'opened') return opened;
  stop.stop('lost');
  throw new RunStopped('lost');
}
