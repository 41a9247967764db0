import type { CallEvent, Unreadable } from './call-event.ts';

type Misread = Extract<CallEvent, { type: 'misread' }>['why'];

/** Why a call of a text is not run, whatever its input. */
export type CallProblem = Unreadable | Misread | 'misplaced' | 'json' | 'beside';

/** Carries a call's problem through the SDK, which has no place for it. */
const metadataKey = 'switchyard';

export type ProblemMetadata = Record<typeof metadataKey, { readonly problem: string }>;

const wrapped = 'put each value that has several lines or holds tags into a CDATA section.';

const reasons: Readonly<Record<CallProblem, string>> = {
  form: 'A call stands here that could not be read.',
  rest: `Words stand between, before or behind its parameters, or a value ended before it should: ${wrapped}`,
  literal: `A value holds tags, so that its end is not clear: ${wrapped}`,
  cdata:
    'A value in CDATA holds a CDATA section of its own, so that its end is not clear: split what begins or ends the inner one into two sections.',
  tail: `The end of a parameter stands behind the calls, so a value ended before it should: ${wrapped}`,
  thoughts: 'It stood in thoughts, in front of </think>. Call behind them.',
  misplaced: 'It does not stand at the beginning of a line outside of thoughts; only there a call is run.',
  json: 'What stands in it is neither parameters nor one JSON object.',
  cut: 'It was cut off before its end.',
  beside: 'Another call of the answer could not be read.',
};

/** What goes with a call that is not run; `toolName` stands in the form that is shown. */
export function problemMetadata(problem: CallProblem, toolName: string | null): ProblemMetadata {
  const name = toolName ?? 'the_tool';
  // Without CDATA, which the text of a result is itself wrapped into.
  const form = `<tool_call name="${name}">\n<parameter name="first">value</parameter>\n</tool_call>`;
  const told = `${reasons[problem]} Nothing of the answer was run. Write a call so, at the beginning of a line:\n\n${form}`;
  return { [metadataKey]: { problem: told } };
}

/** The problem that a call brought with it, for the model; null when it has none. */
export function problemOfMetadata(metadata: Readonly<Record<string, unknown>> | undefined): string | null {
  return (metadata as Partial<ProblemMetadata> | undefined)?.[metadataKey]?.problem ?? null;
}
