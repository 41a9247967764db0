import { type Chunk, isToolPart, type MessagePart } from '@switchyard/protocol';
import { loopLimits } from './loop-limits.ts';
import { findRepetition, type Repetition } from './repetition.ts';
import { stepsOf } from './steps-of.ts';

/** Why a model is told something: it repeats itself, or it stops before its own plan is done. */
type Reason = Repetition['code'] | 'repeated-text' | 'open-todos';

/** What is said once to a model that makes no progress: to it, and to those who look on. */
const nudges: Readonly<Record<Reason, { readonly toModel: string; readonly toViewers: string }>> = {
  'same-result': {
    toModel:
      'You have made the same call several times and got the same result each time. It will not change. Say what you expected, then go another way: read what the result says, try other input or another tool, or ask the user.',
    toViewers: 'The agent made the same call again and again, and was told to go another way.',
  },
  'same-error': {
    toModel:
      'Your last calls have failed with the same error. Read it word for word and find its cause before you call this tool again; if you cannot remove the cause, do the task without it, or ask the user.',
    toViewers: 'The agent met the same error again and again, and was told to find its cause.',
  },
  alternation: {
    toModel:
      'You go back and forth between the same two calls, with the same results. Stop, say what you learned from them, and do something that neither of them does; or ask the user.',
    toViewers: 'The agent went back and forth between two calls, and was told to go another way.',
  },
  polling: {
    toModel:
      'You have looked at the same thing many times. Wait longer in one call, do other work meanwhile, or end what you wait for and find out why it does not come.',
    toViewers: 'The agent waited for the same thing again and again, and was told to do something else.',
  },
  'repeated-text': {
    toModel:
      'Your answer repeated itself and was cut off. Do not go on with it. Say in one sentence what is to be done next, and do it.',
    toViewers: 'The agent’s answer repeated itself and was cut off.',
  },
  'open-todos': {
    toModel:
      'You stopped, and items of your plan are still open. If the task is not done, go on with the next item now. If it is done, tick them with todo and call complete. If something keeps you from it, call ask, or complete with the reason in unfinished. Do not say again what you have said.',
    toViewers: 'The agent stopped before its plan was done, and was asked to go on.',
  },
};

/** What the model is told after an answer that its output limit cut. */
export const continueText =
  'Your answer was cut off by the output limit. Go on exactly where it stopped; do not repeat what you wrote.';

type Notice = Extract<Chunk, { type: 'data-notice' }>;

/** What the model reads where a notice stands, or null when the notice is for people alone. */
export function nudgeToModel(code: string): string | null {
  return Object.hasOwn(nudges, code) ? nudges[code as Reason].toModel : null;
}

/** True for what a model was told in the user's place by none but us. */
export function isSaidByUs(text: string): boolean {
  return text === continueText || Object.values(nudges).some(({ toModel }) => toModel === text);
}

/**
 * What is to happen before the run's next step, by the calls of the last ones: nothing, one nudge shown in front of the answer and stored with it, or
 * the end, where the model goes on repeating itself after a nudge, or does so again soon.
 */
export function nudgeBefore(
  parts: readonly MessagePart[],
  at: { readonly step: number; readonly mayPoll: (toolName: string) => boolean },
): Notice | 'stuck' | null {
  const { since, isNudged } = sinceNudge(parts);
  const repetition = findRepetition(since, at.mayPoll);
  if (repetition === null) return null;
  return isNudged(repetition.steps) ? 'stuck' : noticeOf(repetition.code, at.step);
}

/** The same for an answer that was cut since it repeated itself: a nudge stands behind it and is stored with it. */
export function nudgeBehind(parts: readonly MessagePart[], at: { readonly step: number }): Notice | 'stuck' {
  return sinceNudge(parts).isNudged(0) ? 'stuck' : noticeOf('repeated-text', at.step);
}

/** What is shown behind an answer that ended before the plan was done, once in a run, and stored with it. */
export function reminderOf(step: number): Notice {
  return noticeOf('open-todos', step);
}

/** True for such a reminder. */
export function isReminder(part: MessagePart): boolean {
  return part.type === 'data-notice' && part.data.code === 'open-todos';
}

/** True for what is said to the model behind its own answer, and not in front of it. */
export function isSaidBehind(part: MessagePart): boolean {
  return isReminder(part) || (part.type === 'data-notice' && part.data.code === 'repeated-text');
}

/** What came after the last nudge, and whether that nudge still counts beside a repetition of so many steps. */
function sinceNudge(parts: readonly MessagePart[]) {
  const nudgedAt = parts.findLastIndex(
    (part) => part.type === 'data-notice' && nudgeToModel(part.data.code) !== null && !isReminder(part),
  );
  const since = parts.slice(nudgedAt + 1);
  const steps = stepsOf(since).filter((step) => step.some(isToolPart)).length;
  const isNudged = (repeated: number) => nudgedAt !== -1 && steps - repeated < loopLimits.stepsToForgive;
  return { since, isNudged };
}

function noticeOf(code: Reason, step: number): Notice {
  return { type: 'data-notice', id: `notice-${code}-${step}`, data: { code, text: nudges[code].toViewers } };
}
