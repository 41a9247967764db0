import { type Chunk, chunksOfParts, isToolPart } from '@switchyard/protocol';
import type { StoredPart } from '@switchyard/store';
import type { PendingCall } from './call-tool.ts';

/** Where a log stands that was opened for a new claim. */
export interface LogStand {
  readonly closedSteps: number;
  readonly isInStep: boolean;
  /** Its last event is the wait for a person that the run has just come back from: what it shows still stands. */
  readonly isAtWait: boolean;
}

/** How a claimed run goes on: what the log lacks, then where the loop begins. */
export interface Replay {
  /** Brings the log to what the store has: it withdraws what was never stored and shows what was never shown. */
  readonly chunks: readonly Chunk[];
  /** What the log shows of the open step and goes on showing; `chunks` come after it. */
  readonly standing: readonly Chunk[];
  /** The step that is worked on, from 1. */
  readonly step: number;
  /** The calls without a result of a stored step; null when the model is to be asked. */
  readonly calls: readonly PendingCall[] | null;
}

/**
 * Pure. At a wait nothing is withdrawn: the answers are shown. Else, in a step: `reset-step`, then that step's stored parts without a second `start-step`; then every further
 * stored step, whole. A step whose calls all have results is closed; `reset-step` after `finish-step` would destroy
 * it, so a log that is ahead of the store cannot be mended.
 * @throws when the log has closed a step that the store does not have
 */
export function planReplay(log: LogStand, stored: readonly StoredPart[]): Replay {
  const storedSteps = stored.reduce((highest, { step }) => Math.max(highest, step), 0);
  if (storedSteps < log.closedSteps) {
    throw new Error(`The log has ${log.closedSteps} closed steps, the store ${storedSteps}.`);
  }
  const isResumed = log.isInStep && log.isAtWait;
  const chunks: Chunk[] = log.isInStep && !isResumed ? [{ type: 'reset-step' }] : [];
  for (let step = log.closedSteps + 1; step <= storedSteps; step += 1) {
    const ofStep = stored.filter((row) => row.step === step);
    const isReopened = log.isInStep && step === log.closedSteps + 1;
    chunks.push(
      ...chunksOfParts(
        ofStep.map(({ part }) => part),
        { closeLastStep: !ofStep.some(isOpenCall), reopened: isReopened },
      ),
    );
  }
  const calls = stored
    .filter((row) => row.step === storedSteps)
    .filter(isOpenCall)
    .map(pendingCallOf);
  const isLastOpen = calls.length > 0;
  // The log closes a step only when all of its results are stored.
  if (isLastOpen && storedSteps === log.closedSteps) {
    throw new Error(`Step ${storedSteps} is closed in the log, but not in the store.`);
  }
  const isAnswer = ({ type }: Chunk) => type === 'tool-approval-response';
  return {
    chunks: isResumed ? chunks.filter(isAnswer) : chunks,
    standing: isResumed ? chunks.filter((chunk) => !isAnswer(chunk)) : [],
    step: isLastOpen ? storedSteps : storedSteps + 1,
    calls: isLastOpen ? calls : null,
  };
}

/** True for a tool part whose call has no result yet. */
export function isOpenCall({ call }: StoredPart): boolean {
  return call !== null && (call.ledger === 'pending' || call.ledger === 'executing');
}

function pendingCallOf({ part, call }: StoredPart): PendingCall {
  if (!isToolPart(part) || call === null) throw new Error('A part with a ledger is not a tool part.');
  return { part, ledger: call.ledger, incarnation: call.incarnation };
}
