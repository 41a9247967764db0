import { isToolPart, type MessagePart, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { loopLimits } from './loop-limits.ts';
import { repeatsItself } from './repeated-text.ts';
import { stepsOf } from './steps-of.ts';

/** How an agent that makes no progress shows it. */
export interface Repetition {
  readonly code: 'same-result' | 'same-error' | 'alternation' | 'polling' | 'repeated-text';
  /** How many of the last calls it is seen in; 0 for a text. */
  readonly calls: number;
}

/**
 * What the steps of a run repeat at their end, or null. Pure, so that whoever goes on after a crash finds the same.
 * `mayPoll`: calls of these tools look at something that goes on by itself, so that they may be repeated for longer.
 */
export function findRepetition(
  parts: readonly MessagePart[],
  mayPoll: (toolName: string) => boolean,
): Repetition | null {
  const last = stepsOf(parts).at(-1) ?? [];
  if (!last.some(isToolPart) && last.some(isRepetitive)) return { code: 'repeated-text', calls: 0 };
  const { sameResult, sameError, alternatingPairs, polls } = loopLimits;
  const calls = parts.filter(isToolPart).filter(hasEnded);
  const [newest] = calls.slice(-1);
  if (!newest) return null;
  const isPoll = (call: ToolPart) => mayPoll(toolNameOf(call));
  // What a poll finds may differ each time, and says nothing of progress.
  const repeated = (call: ToolPart) => (isPoll(call) ? callOf(call) : wholeOf(call));
  const found = (code: Repetition['code'], count: number) => ({ code, calls: count });

  const pairs = calls.slice(-2);
  if (pairs.some(isPoll)) {
    if (isPoll(newest) && isPeriodic(calls, polls, 1, callOf)) return found('polling', polls);
    return isPeriodic(calls, 2 * polls, 2, repeated) ? found('polling', 2 * polls) : null;
  }
  if (isPeriodic(calls, sameResult, 1, wholeOf)) return found('same-result', sameResult);
  if (newest.state === 'output-error' && isPeriodic(calls, sameError, 1, errorOf))
    return found('same-error', sameError);
  return isPeriodic(calls, 2 * alternatingPairs, 2, wholeOf)
    ? found('alternation', 2 * alternatingPairs)
    : null;
}

/** True for what the model said, or thought, again and again until it was cut. */
export function isRepetitive(part: MessagePart): boolean {
  return (part.type === 'text' || part.type === 'reasoning') && repeatsItself(part.text);
}

/** Whether each of the last `count` calls is like the one that stands `period` before it among them. */
function isPeriodic(
  calls: readonly ToolPart[],
  count: number,
  period: number,
  of: (call: ToolPart) => string | null,
): boolean {
  if (calls.length < count) return false;
  const first = calls.slice(-count).slice(0, period).map(of);
  return calls.slice(period - count).every((call, index) => of(call) === first[index % period]);
}

function hasEnded({ state }: ToolPart): boolean {
  return state === 'output-available' || state === 'output-error';
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

function errorOf(call: ToolPart): string | null {
  return call.state === 'output-error' ? `${toolNameOf(call)} ${call.errorText}` : null;
}
