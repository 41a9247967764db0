import { type Chunk, newId, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { parkRun } from '@switchyard/store';
import { type ApprovalRule, findRule, ruleText, subjectsUnder } from './approval-rules.ts';
import type { PendingCall } from './call-tool.ts';
import type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
import { endStopped } from './end-agent.ts';
import type { Tool } from './tool.ts';
import type { Toolset } from './toolset.ts';

/** Whether a call may run: `free`, `asking` a person first, `denied` by him, or `forbidden` by a rule of the operator. */
export type Consent =
  | { readonly state: 'free' }
  | { readonly state: 'asking'; readonly sentence: string }
  | { readonly state: 'denied' }
  | { readonly state: 'forbidden'; readonly message: string };

/** What a person reads of a call where a rule asks, in characters; the whole input stands beside it. Guesses. */
const maxSubjectLength = 200;
const maxSubjects = 5;
const maxRuleLength = 200;
const maxQuotationLength = 500;

/** A call that waits for a person, and the sentence that he reads. */
export interface AskingCall {
  readonly part: ToolPart;
  readonly sentence: string;
}

/** Pure. An answer that was given stands in the call's own part; a rule that denies counts more. */
export function consentOf(
  tools: Pick<Toolset, 'byName' | 'rules'>,
  { part, ledger }: Pick<PendingCall, 'part' | 'ledger'>,
): Consent {
  // It may have happened already, and an answer would come too late: recovery decides.
  if (ledger !== 'pending') return { state: 'free' };
  const tool = tools.byName.get(toolNameOf(part));
  const input = tool?.inputSchema.safeParse(part.input);
  // Arguments that are not valid run into their error without anybody being asked.
  if (!tool || !input?.success) return { state: 'free' };
  const rule = findRule(tools.rules, tool, input.data);
  if (rule?.action === 'deny') return { state: 'forbidden', message: forbiddenText(rule) };
  if (part.state === 'approval-responded') return { state: part.approval.approved ? 'free' : 'denied' };
  if (rule?.action === 'allow') return { state: 'free' };
  const said = tool.consent?.(input.data) ?? null;
  const sentence = rule ? askingText(rule, tool, { input: input.data, said }) : said;
  return sentence ? { state: 'asking', sentence } : { state: 'free' };
}

/** What the model reads. */
function forbiddenText(rule: ApprovalRule): string {
  return `Not run: this installation never allows it, by its rule "${ruleText(rule)}". Do not try the same by another way; go on without it, or ask.`;
}

/**
 * What a person reads where a rule asks. What the call says of itself may be the model's own sentence, which must not
 * stand in place of what the operator wants asked: it follows, as a quotation that it cannot end.
 */
function askingText(
  rule: ApprovalRule,
  tool: Tool,
  { input, said }: { readonly input: unknown; readonly said: string | null },
): string {
  const subjects = subjectsUnder(rule, tool, input);
  const rest = subjects.length - maxSubjects;
  const shown = subjects.slice(0, maxSubjects).map((subject) => shortened(subject, maxSubjectLength));
  const about = shown.length === 0 ? '' : `: ${shown.join('; ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  const asking = `Use ${tool.name}, asked by the rule "${shortened(ruleText(rule), maxRuleLength)}"${about}`;
  if (said === null) return asking;
  const quoted = shortened(said.replaceAll(/["“”„«»]/g, "'"), maxQuotationLength);
  return `${asking}. The agent’s call says: “${quoted}”`;
}

/** One line of at most so many characters, without marks that turn the direction of what follows them. */
function shortened(text: string, maxLength: number): string {
  const line = text
    .replaceAll(/[\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line.length <= maxLength ? line.toWellFormed() : `${line.slice(0, maxLength).toWellFormed()}…`;
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
  await claimed.endAside();
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
