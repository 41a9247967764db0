import { toolNameOf } from '@switchyard/protocol';
import { type CallOutcome, type CallSurroundings, callTool, type PendingCall } from './call-tool.ts';
import { storeResult, storeSettled } from './store-result.ts';
import { denyCall, settleCall, type SettledCall } from './call-result.ts';
import { type AskingCall, consentOf } from './consent.ts';
import type { Lane, Tool, ToolResult } from './tool.ts';

/** The call that ended the run. */
export interface EndingCall {
  readonly reason: 'finished' | 'asked';
  /** Its result; not shown and not stored yet: `finishRun` stores it with the end, or not at all. */
  readonly settled: SettledCall;
}

export interface CallsOutcome {
  readonly end: EndingCall | null;
  /** Calls that wait for a person's consent; all others have their results. Never beside `end`. */
  readonly asking: readonly AskingCall[];
  /** The run was told to stop; some calls may have no result. */
  readonly isStopped: boolean;
  /** When the last running tool ended after a stop, ISO 8601; null when none was running. */
  readonly toolKilledAt: string | null;
}

/** How many calls run side by side; a guess, a few files at once. */
const maxParallelCalls = 8;

/**
 * Runs the calls of one stored answer: consecutive `read` calls side by side, and those that change different files or
 * that use different sessions; all others in the order in which the model asked. Each result is stored, then shown. A
 * call that ends the run is the last that runs. Calls that need a person's consent are left to the caller, and no call
 * ends the run before they have their results. `complete` does not end it beside a call that failed or was refused.
 */
export async function callTools(
  around: CallSurroundings,
  calls: readonly PendingCall[],
): Promise<CallsOutcome> {
  let toolKilledAt: string | null = null;
  const consents = calls.map((call) => ({ call, consent: consentOf(around.tools, call) }));
  const asking = consents.flatMap(({ call, consent }) =>
    consent.state === 'asking' ? [{ part: call.part, sentence: consent.sentence }] : [],
  );
  const ready = consents.filter(({ consent }) => consent.state !== 'asking').map(({ call }) => call);
  const refusals = new Map(
    consents.flatMap(({ call, consent }): [PendingCall, SettledCall][] => {
      if (consent.state === 'denied') return [[call, denyCall(call.part)]];
      if (consent.state !== 'forbidden') return [];
      return [[call, settleCall(call.part, { outcome: 'error', message: consent.message })]];
    }),
  );
  // The model has not read them yet, as little as an error. What an earlier worker stored counts alike, and so do the
  // refusals that are to come: else it hung on the order and on a crash whether the run ends.
  let hasFailedCall =
    refusals.size > 0 ||
    around.journal.step.chunks.some(
      ({ type }) => type === 'tool-output-error' || type === 'tool-output-denied',
    );

  async function run(call: PendingCall): Promise<EndingCall | null> {
    const refusal = refusals.get(call);
    if (refusal && !around.stop.signal.aborted) {
      await storeSettled(around, { settled: refusal, ledger: 'done' });
      return null;
    }
    const outcome = await callTool(around, call);
    if (outcome.outcome === 'stopped') {
      if (outcome.wasExecuting) toolKilledAt = new Date().toISOString();
      await closeInterrupted(around, call, outcome);
      return null;
    }
    if (around.stop.signal.aborted) toolKilledAt = new Date().toISOString();
    const { result, isUnknown } = outcome;
    const end = endOf(result);
    const obstacle = end && obstacleTo(end.reason, { hasFailedCall, isAsking: asking.length > 0 });
    if (obstacle) {
      const message = `${obstacle} Then call "${toolNameOf(call.part)}" again.`;
      await storeResult(around, { call, result: { outcome: 'error', message }, isUnknown });
      return null;
    }
    if (end && !around.stop.signal.aborted)
      return { reason: end.reason, settled: settleCall(call.part, result) };
    // It ends the run with the next worker, which calls it again: nothing came of it but its result.
    if (end && around.stop.cause() === 'hand-over') return null;
    hasFailedCall ||= result.outcome === 'error';
    await storeResult(around, { call, result, isUnknown });
    return null;
  }

  async function runLane(lane: readonly PendingCall[]): Promise<EndingCall | null> {
    for (const call of lane) {
      const end = await run(call);
      if (end) return end;
    }
    return null;
  }

  for (const group of groupsOf(around, ready)) {
    const ends = await Promise.all(group.map(runLane));
    const end = ends.find((ending) => ending !== null);
    const isStopped = around.stop.signal.aborted;
    if (end || isStopped) return { end: end ?? null, asking: [], isStopped, toolKilledAt };
  }
  return { end: null, asking, isStopped: around.stop.signal.aborted, toolKilledAt };
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

/** What may run side by side, one group after the other: a group's lanes, each of calls that run in order. */
function groupsOf(around: CallSurroundings, calls: readonly PendingCall[]): PendingCall[][][] {
  const groups: PendingCall[][][] = [];
  let kind: 'read' | Lane['of'] | 'alone' = 'alone';
  let lanes = new Map<string, PendingCall[]>();
  for (const call of calls) {
    const tool = around.tools.byName.get(toolNameOf(call.part));
    const isRead = tool?.effect === 'read';
    const found = isRead ? null : laneOf(tool, call);
    const key = isRead ? call.part.toolCallId : (found?.name ?? null);
    const next = isRead ? 'read' : (found?.of ?? 'alone');
    const lane = key === null ? undefined : lanes.get(key);
    if (next === kind && lane) lane.push(call);
    else {
      const group = groups.at(-1);
      const added = [call];
      if (next === kind && next !== 'alone' && group && group.length < maxParallelCalls) group.push(added);
      else {
        groups.push([added]);
        lanes = new Map();
      }
      if (key !== null) lanes.set(key, added);
    }
    kind = next;
  }
  return groups;
}

function laneOf(tool: Tool | undefined, { part }: PendingCall): Lane | null {
  if (!tool?.lane) return null;
  const input = tool.inputSchema.safeParse(part.input);
  return input.success ? tool.lane(input.data) : null;
}

function endOf(result: ToolResult): { readonly reason: 'finished' | 'asked' } | null {
  return result.outcome === 'ok' ? (result.end ?? null) : null;
}

/** What the model reads when a call that would end the run comes too early; null when nothing is in its way. */
function obstacleTo(
  reason: 'finished' | 'asked',
  { hasFailedCall, isAsking }: { readonly hasFailedCall: boolean; readonly isAsking: boolean },
): string | null {
  if (isAsking)
    return 'Not ended: another call of the same answer waits for a person’s consent. Wait for its result.';
  if (reason === 'finished' && hasFailedCall)
    return 'Not ended: another call of the same answer failed or was refused. Read why, and mend it or say what is left undone.';
  return null;
}
