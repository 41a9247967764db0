import { newId, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { parkRun } from '@switchyard/store';
import type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
import { endStopped } from './end-agent.ts';
import type { Toolset } from './toolset.ts';

/** Whether a call may run: `free`, `asking` a person first, or `denied` by him. */
export type Consent =
  | { readonly state: 'free' }
  | { readonly state: 'asking'; readonly sentence: string }
  | { readonly state: 'denied' };

/** A call that waits for a person, and the sentence that he reads. */
export interface AskingCall {
  readonly part: ToolPart;
  readonly sentence: string;
}

/** Pure. An answer that was given stands in the call's own part. */
export function consentOf(tools: Pick<Toolset, 'byName'>, part: ToolPart): Consent {
  if (part.state === 'approval-responded') return { state: part.approval.approved ? 'free' : 'denied' };
  const tool = tools.byName.get(toolNameOf(part));
  // Arguments that are not valid run into their error without anybody being asked.
  const input = tool?.inputSchema.safeParse(part.input);
  const sentence = input?.success ? tool?.consent?.(input.data) : null;
  return sentence ? { state: 'asking', sentence } : { state: 'free' };
}

/**
 * Lets the run wait for people's answers. The requests are shown before the store says that it waits, so that whoever
 * sees the wait has seen what it is for; a crash in between withdraws them, and the next worker asks anew.
 */
export async function waitForConsent(
  claimed: ClaimedRun,
  { step, asking }: { readonly step: number; readonly asking: readonly AskingCall[] },
): Promise<AgentOutcome> {
  const { journal, stop } = claimed;
  const calls = asking.map(({ part, sentence }) => {
    const approvalId = newId();
    const requested = {
      ...part,
      state: 'approval-requested',
      approval: { id: approvalId, requestReason: sentence },
    };
    return { approvalId, sentence, part: requested as ToolPart };
  });
  await journal.show(
    ...calls.map(({ approvalId, sentence, part: { toolCallId } }) => ({
      type: 'tool-approval-request' as const,
      approvalId,
      toolCallId,
      reason: sentence,
    })),
  );
  const { cancelRequested } = await journal.store((sql, position) => parkRun(sql, { ...position, calls }));
  if (cancelRequested) {
    stop.stop('cancelled');
    return await endStopped(claimed, { step, isStored: true });
  }
  const { runId, epoch } = journal;
  // The very event that the store has named; nobody writes after it before the run is claimed again.
  await journal.show({
    type: 'data-run',
    data: { runId, status: 'awaiting-approval', epoch },
    transient: true,
  });
  await journal.flush();
  return { outcome: 'waiting' };
}
