import { isToolPart, type MessagePart, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { repeatsItself } from './repeated-text.ts';
import { stepsOf } from './steps-of.ts';

/** How an agent that makes no progress shows it. */
export type Repetition = 'same-result' | 'same-error' | 'alternation' | 'polling' | 'repeated-text';

/** After so many the model is told once; after as many again the run ends as `stuck`. Guesses until they are measured. */
export const repetitionLimits = { sameResult: 3, sameError: 3, alternatingPairs: 3, polls: 20 } as const;

interface EndedCall {
  readonly name: string;
  readonly call: string;
  /** Call and result, without what differs each time by itself. */
  readonly whole: string;
  readonly error: string | null;
}

/**
 * What the steps of a run repeat at their end, or null. Pure, so that whoever goes on after a crash finds the same.
 * `mayPoll`: calls of these tools look at something that goes on by itself.
 */
export function findRepetition(
  parts: readonly MessagePart[],
  mayPoll: (toolName: string) => boolean,
): Repetition | null {
  const last = stepsOf(parts).at(-1) ?? [];
  if (!last.some(isToolPart) && last.some(isRepetitive)) return 'repeated-text';
  const { sameResult, sameError, alternatingPairs, polls } = repetitionLimits;
  // No rule looks further back, and a long run would be read whole at each of its steps.
  const calls = parts.filter(isToolPart).slice(-polls).flatMap(endedCall);
  const [newest] = calls.slice(-1);
  if (!newest) return null;
  if (mayPoll(newest.name)) return endsAlike(calls, polls, ({ call }) => call) ? 'polling' : null;
  if (endsAlike(calls, sameResult, ({ whole }) => whole)) return 'same-result';
  if (newest.error !== null && endsAlike(calls, sameError, ({ name, error }) => `${name} ${error}`))
    return 'same-error';
  const pairs = calls.slice(-2 * alternatingPairs);
  const isAlternating =
    pairs.length === 2 * alternatingPairs &&
    pairs.every(({ whole }, index) => whole === pairs[index % 2]?.whole) &&
    !pairs.some(({ name }) => mayPoll(name));
  return isAlternating ? 'alternation' : null;
}

/** True for what the model said, or thought, again and again until it was cut. */
export function isRepetitive(part: MessagePart): boolean {
  return (part.type === 'text' || part.type === 'reasoning') && repeatsItself(part.text);
}

function endsAlike(
  calls: readonly EndedCall[],
  count: number,
  of: (call: EndedCall) => string | null,
): boolean {
  const tail = calls.slice(-count).map(of);
  return tail.length === count && tail[0] !== null && tail.every((text) => text === tail[0]);
}

function endedCall(part: ToolPart): EndedCall[] {
  const name = toolNameOf(part);
  const call = `${name} ${JSON.stringify(part.input)}`;
  if (part.state === 'output-error')
    return [{ name, call, whole: `${call} failed ${part.errorText}`, error: part.errorText }];
  if (part.state !== 'output-available') return [];
  const output = JSON.stringify(part.output, (key, value: unknown) => (key === 'durationMs' ? null : value));
  return [{ name, call, whole: `${call} gave ${output}`, error: null }];
}
