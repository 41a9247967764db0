import { type Chunk, isToolPart, type MessagePart } from '@switchyard/protocol';
import { loopLimits } from './loop-limits.ts';
import { findRepetition, type Repetition } from './repetition.ts';

/** Why a model is told something: it repeats itself, or it stops before its own plan is done. */
type Reason = Repetition['code'] | 'open-todos';

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

type Notice = Extract<Chunk, { type: 'data-notice' }>;

/** What the model reads where a notice stands, or null when the notice is for people alone. */
export function nudgeToModel(code: string): string | null {
  return Object.hasOwn(nudges, code) ? nudges[code as Reason].toModel : null;
}

/**
 * What is to happen before the run's next step: nothing, one nudge shown in front of the answer and stored with it, or
 * the end, where the model goes on repeating itself after a nudge, or does so again soon.
 */
export function nudgeBefore(
  parts: readonly MessagePart[],
  at: { readonly step: number; readonly mayPoll: (toolName: string) => boolean },
): Notice | 'stuck' | null {
  const nudgedAt = parts.findLastIndex(
    (part) => part.type === 'data-notice' && nudgeToModel(part.data.code) !== null && !isReminder(part),
  );
  const since = parts.slice(nudgedAt + 1);
  const repetition = findRepetition(since, at.mayPoll);
  if (repetition === null) return null;
  const others = since.filter(isToolPart).length - repetition.calls;
  if (nudgedAt !== -1 && others < loopLimits.callsToForgive) return 'stuck';
  const { code } = repetition;
  return { type: 'data-notice', id: `notice-${at.step}`, data: { code, text: nudges[code].toViewers } };
}

/** True for what stands behind an answer that ended before the plan was done. */
export function isReminder(part: MessagePart): boolean {
  return part.type === 'data-notice' && part.data.code === 'open-todos';
}

/** What is shown behind such an answer, once in a run, and stored with it. */
export function reminderOf(step: number): Notice {
  const text = nudges['open-todos'].toViewers;
  return { type: 'data-notice', id: `reminder-${step}`, data: { code: 'open-todos', text } };
}
