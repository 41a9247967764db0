import { expect, it } from 'vitest';
import { type CallProblem, problemMetadata, problemOfMetadata } from './call-problem.ts';

const problems: Readonly<Record<CallProblem, true>> = {
  form: true,
  cut: true,
  rest: true,
  literal: true,
  cdata: true,
  tail: true,
  thoughts: true,
  misplaced: true,
  json: true,
  beside: true,
};

it('a call that is not run tells the model why, and the form to use', () => {
  const told = (problem: CallProblem) => problemOfMetadata(problemMetadata(problem, 'shell')) ?? '';
  expect(told('form')).toMatchInlineSnapshot(`
    "A call stands here that could not be read. Nothing of the answer was run. Write a call so, at the beginning of a line:

    <tool_call name="shell">
    <parameter name="first">value</parameter>
    </tool_call>"
  `);
  const reasons = (Object.keys(problems) as CallProblem[]).map(
    (problem) => told(problem).split(' Nothing of')[0],
  );
  expect(reasons).toMatchInlineSnapshot(`
    [
      "A call stands here that could not be read.",
      "It was cut off before its end.",
      "Words stand between, before or behind its parameters, or a value ended before it should: put each value that has several lines or holds tags into a CDATA section.",
      "A value holds tags, so that its end is not clear: put each value that has several lines or holds tags into a CDATA section.",
      "A value in CDATA holds a CDATA section of its own, so that its end is not clear: split what begins or ends the inner one into two sections.",
      "The end of a parameter stands behind the calls, so a value ended before it should: put each value that has several lines or holds tags into a CDATA section.",
      "It stood in thoughts, in front of </think>. Call behind them.",
      "It does not stand at the beginning of a line outside of thoughts; only there a call is run.",
      "What stands in it is neither parameters nor one JSON object.",
      "Another call of the answer could not be read.",
    ]
  `);
});

it('what others say of a call is no problem', () => {
  expect(problemOfMetadata(undefined)).toBeNull();
  expect(problemOfMetadata({ openai: { itemId: 'a' } })).toBeNull();
});
