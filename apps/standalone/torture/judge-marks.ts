import type { ToolPart } from '@switchyard/protocol';
import { type Deed, deedsIn, touchesSandboxes } from './deeds.ts';
import { graceMs, type Note, type RunEvidence } from './evidence.ts';
import type { Mark } from './plans.ts';

/** Whether each call with an effect had it once at most, and its part in the message says what is so. */
export function judgeMarks(evidence: RunEvidence, note: Note): void {
  const { plan, storedParts, lines } = evidence;
  const calls = storedParts.filter(
    (part): part is ToolPart => (part as { type?: unknown }).type === 'tool-shell',
  );
  for (const [index, mark] of plan.marks.entries()) {
    const count = lines[index] ?? 0;
    const call = calls[index];
    if (count > 1) note('run twice', `${mark.file} was written ${count} times`, count - 1);
    const fault = call ? faultOfCall(evidence, { mark, call, count }) : faultOfAbsence(evidence, count);
    if (fault !== null) note('wrong', `${mark.file} was written ${count} times, and ${fault}`);
  }
}

function faultOfAbsence({ run }: RunEvidence, count: number): string | null {
  return run.status === 'completed' || count > 0 ? 'its call is not in the message' : null;
}

/** Null when the call says what is so. */
function faultOfCall(
  evidence: RunEvidence,
  { mark, call, count }: { readonly mark: Mark; readonly call: ToolPart; readonly count: number },
): string | null {
  const { run, deeds } = evidence;
  const span = { from: Date.parse(run.createdAt) - graceMs, to: Date.parse(run.endedAt ?? run.createdAt) };
  switch (call.state) {
    case 'output-available': {
      const { exitCode, output } = call.output as { exitCode?: unknown; output?: unknown };
      if (count !== 1) return `its call says that it ran`;
      if (exitCode === 0 && output === mark.output)
        return mark.consent === 'refuses' ? 'it was refused' : null;
      const wasKilled = run.status !== 'completed' && exitCode !== 0;
      return wasKilled ? null : `its call gave ${JSON.stringify(call.output)}`;
    }
    case 'output-denied':
      return mark.consent === 'refuses' && count === 0 ? null : 'its call was denied';
    case 'output-error': {
      const { errorText } = call;
      if (run.status === 'cancelled' && /^(Cancelled|Interrupted)/.test(errorText)) return null;
      if (run.status === 'failed' && /^(Not run|Interrupted)/.test(errorText)) return null;
      const isExcused = (deed: Deed) =>
        touchesSandboxes(deed) || (/outcome unknown/.test(errorText) && deed.pid !== null);
      const isKnown = /outcome unknown|The sandbox/.test(errorText);
      if (isKnown && deedsIn(deeds, { ...span, of: isExcused }).length > 0) return null;
      return `its call failed: ${errorText}`;
    }
    default:
      return `its call is left as ${call.state}`;
  }
}
