import { type Chunk, toolNameOf, type ToolPart } from '@switchyard/protocol';
import {
  type CallOutcome,
  type CallSurroundings,
  callTool,
  type PendingCall,
  storeResult,
} from './call-tool.ts';
import { settleCall } from './call-result.ts';
import type { ToolResult } from './tool.ts';

/** The call that ended the run. */
export interface EndingCall {
  readonly reason: 'finished' | 'asked';
  /** What shows its result; not shown and not stored yet: `finishRun` stores it with the end, or not at all. */
  readonly chunks: readonly Chunk[];
}

export interface CallsOutcome {
  readonly end: EndingCall | null;
  /** The run was told to stop; some calls may have no result. */
  readonly isStopped: boolean;
  /** When the last running tool ended after a stop, ISO 8601; null when none was running. */
  readonly toolKilledAt: string | null;
}

/** How many `read` calls run side by side; a guess, a few files at once. */
const maxParallelReads = 8;

/**
 * Runs the calls of one stored answer: consecutive `read` calls side by side, the others in the order in which the
 * model asked. Each result is stored, then shown. A call that ends the run is the last that runs.
 */
export async function callTools(
  around: CallSurroundings,
  calls: readonly PendingCall[],
): Promise<CallsOutcome> {
  let hasFailedCall = around.journal.step.chunks.some(({ type }) => type === 'tool-output-error');
  let toolKilledAt: string | null = null;

  async function run(call: PendingCall): Promise<EndingCall | null> {
    const outcome = await callTool(around, call);
    if (outcome.outcome === 'stopped') {
      if (outcome.wasExecuting) toolKilledAt = new Date().toISOString();
      await closeInterrupted(around, call, outcome);
      return null;
    }
    if (around.stop.signal.aborted) toolKilledAt = new Date().toISOString();
    const { result, isUnknown } = outcome;
    const end = endOf(result);
    if (end && end.reason === 'finished' && hasFailedCall) {
      await storeResult(around, {
        call,
        result: { outcome: 'error', message: prematureText(call.part) },
        isUnknown,
      });
      return null;
    }
    if (end && !around.stop.signal.aborted) {
      // What goes beside the result is stored now; the result itself ends the run.
      if ((result.outcome === 'ok' ? (result.data ?? []) : []).length > 0) {
        await storeResult(around, { call, result, isUnknown });
        return { reason: end.reason, chunks: [] };
      }
      return { reason: end.reason, chunks: settleCall(call.part, result).chunks };
    }
    hasFailedCall ||= result.outcome === 'error';
    await storeResult(around, { call, result, isUnknown });
    return null;
  }

  for (const group of groupsOf(around, calls)) {
    const ends = await Promise.all(group.map(run));
    const end = ends.find((ending) => ending !== null);
    const isStopped = around.stop.signal.aborted;
    if (end || isStopped) return { end: end ?? null, isStopped, toolKilledAt };
  }
  return { end: null, isStopped: around.stop.signal.aborted, toolKilledAt };
}

/**
 * A `once` call outside the sandbox that a hand-over cut is closed here: it may have had an effect, and the next worker
 * could not tell. One in the sandbox is found there by its claim; a `read` call runs again; a cancelled one is closed
 * by the run's end.
 */
async function closeInterrupted(
  around: CallSurroundings,
  call: PendingCall,
  { wasExecuting }: Extract<CallOutcome, { outcome: 'stopped' }>,
): Promise<void> {
  const { stop, tools, sandbox, logger } = around;
  const tool = tools.byName.get(toolNameOf(call.part));
  switch (stop.cause()) {
    case 'hand-over':
      if (!wasExecuting || tool?.effect !== 'once' || tool.needs !== 'outside') return;
      await storeResult(around, {
        call,
        result: {
          outcome: 'error',
          message: 'Interrupted by a restart of the worker; inspect before repeating.',
        },
        isUnknown: true,
      });
      return;
    case 'cancelled':
    case 'time-limit':
      if (call.ledger !== 'executing' || call.incarnation === null) return;
      try {
        await sandbox.seal({ callId: call.part.toolCallId, incarnation: call.incarnation });
      } catch (error) {
        logger.warn(
          { callId: call.part.toolCallId, error },
          'the call of an earlier worker could not be sealed',
        );
      }
      return;
    case 'lost':
    case null:
      return;
  }
}

function groupsOf(around: CallSurroundings, calls: readonly PendingCall[]): PendingCall[][] {
  const groups: PendingCall[][] = [];
  let wasRead = false;
  for (const call of calls) {
    const isRead = around.tools.byName.get(toolNameOf(call.part))?.effect === 'read';
    const last = groups.at(-1);
    if (isRead && wasRead && last && last.length < maxParallelReads) last.push(call);
    else groups.push([call]);
    wasRead = isRead;
  }
  return groups;
}

function endOf(result: ToolResult): { readonly reason: 'finished' | 'asked' } | null {
  return result.outcome === 'ok' ? (result.end ?? null) : null;
}

function prematureText(part: ToolPart): string {
  return `Not ended: another call of the same answer failed. Read its error, mend it, then call "${toolNameOf(part)}" again.`;
}
