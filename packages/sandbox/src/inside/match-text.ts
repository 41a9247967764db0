import type { Machine } from './compile-pattern.ts';

/** Finds out whether a pattern matches in a line, in a time that grows with the line alone. */
export interface Matcher {
  /** Where the first match to end ends, or -1. `from` and `to` are the ends of the line. */
  endOfMatch(text: string, from: number, to: number): number;
}

/** What came before a place: nothing, a part of a word, or something else. */
type Before = 'nothing' | 'word' | 'other';

interface State {
  /** Where the machine may be, ascending. */
  readonly steps: readonly number[];
  readonly before: Before;
}

const unknown = -1;
const matched = -2;
const ended = -3;
/** Numbers in the table of transitions: 4 MB. */
const maxTransitions = 1_000_000;
const maxRemembered = 10_000;
/** Of all remembered states together: some 10 MB with their names. */
const maxRememberedSteps = 500_000;

/**
 * Walks through a machine's states as they come up and remembers them, so that each character of a text usually costs one
 * look into a table. `onFull` is called now and then while a pattern has more states than are remembered.
 */
export function createMatcher(machine: Machine, onFull: () => void = () => undefined): Matcher {
  const { classOf, classCount, classOfAstral, isWord, contains, steps } = machine;
  const width = classCount + 1;
  const maxStates = Math.max(8, Math.min(maxRemembered, Math.floor(maxTransitions / width)));
  let table = new Int32Array(Math.min(maxStates, 64) * width).fill(unknown);
  let states: State[] = [];
  let rememberedSteps = 0;
  /** The state at the beginning of a line; -1 when it is not remembered. */
  let first = -1;
  let numbers = new Map<string, number>();
  const seen = new Int32Array(steps.length);
  let round = 0;

  function numberOf(state: State): number {
    const key = `${state.before} ${state.steps.join(' ')}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    if (states.length === maxStates || rememberedSteps > maxRememberedSteps) {
      states = [];
      rememberedSteps = 0;
      first = -1;
      numbers = new Map();
      table.fill(unknown);
      onFull();
    }
    const number = states.length;
    if ((number + 1) * width > table.length) {
      const larger = new Int32Array(Math.min(maxStates, states.length * 2) * width).fill(unknown);
      larger.set(table);
      table = larger;
    }
    states.push(state);
    rememberedSteps += state.steps.length;
    numbers.set(key, number);
    return number;
  }

  /** What follows a state when a character of that class comes, or the end of the line (the class behind the last one). */
  function follow({ steps: from, before }: State, group: number): number {
    round += 1;
    const isEnd = group === classCount;
    const isNextWord = isWord[group] === true;
    const isEdge = isNextWord !== (before === 'word');
    const open = [...from, machine.start];
    const next: number[] = [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen[at] === round) continue;
      seen[at] = round;
      const step = steps[at];
      switch (step?.kind) {
        case 'match':
          return matched;
        case 'split':
          open.push(step.next, step.other);
          break;
        case 'set':
          if (!isEnd && contains[step.set]?.[group] === true) next.push(step.next);
          break;
        case 'assert': {
          const { assertion } = step;
          const holds =
            (assertion === 'start' && before === 'nothing') ||
            (assertion === 'end' && isEnd) ||
            (assertion === 'word-edge' && isEdge) ||
            (assertion === 'no-word-edge' && !isEdge);
          if (holds) open.push(step.next);
          break;
        }
        case undefined:
          break;
      }
    }
    if (isEnd) return ended;
    const distinct = [...new Set(next)].sort((a, b) => a - b);
    return numberOf({
      steps: distinct,
      before: isNextWord ? 'word' : 'other',
    });
  }

  function transition(number: number, group: number): number {
    const state = states[number] as State;
    const next = follow(state, group);
    // When the states were forgotten meanwhile, this one was, too.
    if (states[number] === state) table[number * width + group] = next;
    return next;
  }

  return {
    endOfMatch(text, from, to) {
      let state = first >= 0 ? first : (first = numberOf({ steps: [], before: 'nothing' }));
      for (let at = from; at < to; at += 1) {
        const code = text.charCodeAt(at);
        const whole = code >= 0xd8_00 && code < 0xdc_00 ? (text.codePointAt(at) ?? code) : code;
        const group = whole > 0xff_ff ? classOfAstral(whole) : (classOf[code] as number);
        let next = table[state * width + group] as number;
        if (next < 0) {
          if (next === unknown) next = transition(state, group);
          if (next === matched) return at;
        }
        state = next;
        if (whole > 0xff_ff) at += 1;
      }
      let last = table[state * width + classCount] as number;
      if (last === unknown) last = transition(state, classCount);
      return last === matched ? to : -1;
    },
  };
}
