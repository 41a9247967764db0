import { type Chunk, newId, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { parkRun } from '@switchyard/store';
import type { PendingCall } from './call-tool.ts';
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
export function consentOf(tools: Pick<Toolset, 'byName'>, { part, ledger }: PendingCall): Consent {
  // It may have happened already, and an answer would come too late: recovery decides.
  if (ledger !== 'pending') return { state: 'free' };
  if (part.state === 'approval-responded') return { state: part.approval.approved ? 'free' : 'denied' };
  const tool = tools.byName.get(toolNameOf(part));
  // Arguments that are not valid run into their error without anybody being asked.
  const input = tool?.inputSchema.safeParse(part.input);
  const sentence = input?.success ? tool?.consent?.(input.data) : null;
  return sentence ? { state: 'asking', sentence } : { state: 'free' };
}

/**
 * Lets the run wait for people's answers: the store first, so that whoever reads a request can answer it, then the
 * requests and the wait as one append. When that is lost, viewers are served from the store.
 */
export async function waitForConsent(
  claimed: ClaimedRun,
  { step, asking }: { readonly step: number; readonly asking: readonly AskingCall[] },
): Promise<AgentOutcome> {
  const { journal, stop } = claimed;
  const calls = asking.map(({ part, sentence: reason }) => {
    const { toolCallId } = part;
    const approvalId = newId();
    const approval = { id: approvalId, requestReason: reason };
    const request: Chunk = { type: 'tool-approval-request', approvalId, toolCallId, reason };
    return { approvalId, request, part: { ...part, state: 'approval-requested', approval } as ToolPart };
  });
  const { cancelRequested } = await journal.store((sql, position) => parkRun(sql, { ...position, calls }));
  if (cancelRequested) {
    stop.stop('cancelled');
    return await endStopped(claimed, { step, isStored: true });
  }
  const { runId, epoch } = journal;
  // The very events that the store has counted; nobody writes after them before the run is claimed again.
  await journal.show(...calls.map(({ request }) => request), {
    type: 'data-run',
    data: { runId, status: 'awaiting-approval', epoch },
    transient: true,
  });
  await journal.flush();
  return { outcome: 'waiting' };
}
