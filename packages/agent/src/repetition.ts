import { isToolPart, type MessagePart, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { loopLimits } from './loop-limits.ts';
import { stepsOf } from './steps-of.ts';

/** How an agent that makes no progress shows it in its calls. */
export interface Repetition {
  readonly code: 'same-result' | 'same-error' | 'alternation' | 'polling';
  /** How many of the last steps it is seen in. */
  readonly steps: number;
}

/** The calls of one step that have their results. An answer that makes a call several times has not seen its result yet. */
type Step = readonly ToolPart[];

/**
 * What the steps of a run repeat at their end, or null. Pure, so that whoever goes on after a crash finds the same.
 * `mayPoll`: calls of these tools look at something that goes on by itself, so that they may be repeated for longer.
 */
export function findRepetition(
  parts: readonly MessagePart[],
  mayPoll: (toolName: string) => boolean,
): Repetition | null {
  const steps = stepsWithCalls(parts);
  const isPoll = (call: ToolPart) => mayPoll(toolNameOf(call));
  // What a poll finds may differ each time, and says nothing of progress.
  const repeated = (step: Step) =>
    step.map((call) => (isPoll(call) ? callOf(call) : wholeOf(call))).join('\n');
  const { sameResult, sameError, alternatingPairs, polls } = loopLimits;
  const isPolling = steps.slice(-2).some((step) => step.some(isPoll));
  const rules: readonly (Rule & { readonly code: Repetition['code'] })[] = isPolling
    ? [
        { code: 'polling', period: 1, count: polls, of: repeated },
        { code: 'polling', period: 2, count: polls, of: repeated },
      ]
    : [
        { code: 'same-result', period: 1, count: sameResult, of: repeated },
        { code: 'same-error', period: 1, count: sameError, of: errorOf },
        { code: 'alternation', period: 2, count: alternatingPairs, of: repeated },
      ];
  const found = rules.find((rule) => isFulfilled(steps, rule));
  return found ? { code: found.code, steps: found.period * found.count } : null;
}

interface Rule {
  /** Each step is held against the one so many before it. */
  readonly period: number;
  /** So many times. */
  readonly count: number;
  /** Null: no repetition at all. */
  readonly of: (step: Step) => string | null;
}

function isFulfilled(steps: readonly Step[], { period, count, of }: Rule): boolean {
  if (steps.length < period * count) return false;
  const newestFirst: (string | null)[] = [];
  return steps
    .slice(-period * count)
    .toReversed()
    .every((step) => {
      const text = of(step);
      const later = newestFirst.length < period ? text : newestFirst.at(-period);
      newestFirst.push(text);
      return text !== null && text === later;
    });
}

function stepsWithCalls(parts: readonly MessagePart[]): Step[] {
  return stepsOf(parts)
    .map((step) =>
      step.filter(isToolPart).filter(({ state }) => state === 'output-available' || state === 'output-error'),
    )
    .filter((calls) => calls.length > 0);
}

function callOf(call: ToolPart): string {
  return `${toolNameOf(call)} ${JSON.stringify(call.input)}`;
}

/** Call and result, without what differs each time by itself. */
function wholeOf(call: ToolPart): string {
  if (call.state === 'output-error') return `${callOf(call)} failed ${call.errorText}`;
  const withoutTime = (key: string, value: unknown) => (key === 'durationMs' ? null : value);
  return `${callOf(call)} gave ${JSON.stringify(call.output, withoutTime)}`;
}

/** The one error that all calls of a step met; null when there is none. */
function errorOf(step: Step): string | null {
  const [error, ...others] = new Set(
    step.map((call) => (call.state === 'output-error' ? `${toolNameOf(call)} ${call.errorText}` : null)),
  );
  return others.length > 0 ? null : (error ?? null);
}
