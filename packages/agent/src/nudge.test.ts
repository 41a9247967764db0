import type { MessagePart } from '@switchyard/protocol';
import { describe, expect, test } from 'vitest';
import { nudgeBefore, nudgeBehind, nudgeToModel } from './nudge.ts';
import { loopLimits } from './loop-limits.ts';

let calls = 0;
function call(name: string, input: object, result: { output?: unknown; errorText?: string }): MessagePart[] {
  const toolCallId = `call_${(calls += 1)}`;
  const state = result.errorText === undefined ? 'output-available' : 'output-error';
  return [
    { type: 'step-start' },
    { type: `tool-${name}`, toolCallId, state, input, ...result } as MessagePart,
  ];
}
const look = (path: string, output: unknown = 'text') => call('read_file', { path }, { output });
const fail = (path: string) => call('read_file', { path }, { errorText: 'The disk is full.' });
const check = (turn: number) => call('shell_check', { ids: ['a'] }, { output: { turn } });
const times = (count: number, make: (turn: number) => MessagePart[]) =>
  Array.from({ length: count }, (_, turn) => make(turn)).flat();
const after = (parts: readonly MessagePart[]) =>
  nudgeBefore(parts, { step: 9, mayPoll: (name) => name === 'shell_check' });
const codeAfter = (parts: readonly MessagePart[]) => {
  const found = after(parts);
  return found === null || found === 'stuck' ? found : found.data.code;
};

describe('what is said before a step', () => {
  test.each([
    ['the same call with the same result', times(loopLimits.sameResult, () => look('a')), 'same-result'],
    [
      'the same result but for its duration',
      times(3, (turn) => look('a', { exitCode: 1, durationMs: turn })),
      'same-result',
    ],
    ['the same error of other calls', times(loopLimits.sameError, (turn) => fail(`${turn}`)), 'same-error'],
    [
      'two calls in turns',
      times(loopLimits.alternatingPairs, () => [...look('a'), ...look('b')]),
      'alternation',
    ],
    ['looking at what goes on', times(loopLimits.polls, check), 'polling'],
    [
      'looking at what goes on with the same call in between',
      times(loopLimits.polls, (turn) => [...check(turn), ...look('a')]),
      'polling',
    ],
    [
      'the same, seen after a look',
      [...look('a'), ...times(loopLimits.polls, (turn) => [...look('a'), ...check(turn)])],
      'polling',
    ],
    ['the same calls side by side', times(3, () => [...look('a'), ...look('b').slice(1)]), 'same-result'],
    [
      'the same error of calls side by side',
      times(3, (turn) => [...fail(`${turn}`), ...fail(`other ${turn}`).slice(1)]),
      'same-error',
    ],
  ] as const)('names %s', (_, parts, code) => {
    expect(codeAfter([...look('before'), ...parts])).toBe(code);
    expect(nudgeToModel(code)).toMatch(/\w/);
  });

  test.each([
    ['nothing', []],
    ['too few', times(2, () => look('a'))],
    ['the same call with other results', times(9, (turn) => look('a', `${turn}`))],
    ['other calls with the same result', times(9, (turn) => look(`${turn}`))],
    ['errors that differ', times(9, (turn) => call('shell', {}, { errorText: `exit code ${turn}` }))],
    ['looking a while at what goes on', times(loopLimits.polls - 1, check)],
    [
      'looking a while with the same call in between',
      times(loopLimits.polls - 1, (turn) => [...check(turn), ...look('a')]),
    ],
    [
      'looking between calls that get on',
      times(2 * loopLimits.polls, (turn) => [...check(turn), ...look('a', turn)]),
    ],
    ['one answer that makes the same call often', [...look('a'), ...times(9, () => look('a').slice(1))]],
    [
      'two answers whose calls all met one error',
      times(2, (turn) => [...fail(`${turn}`), ...times(4, (call) => fail(`${turn} ${call}`).slice(1))]),
    ],
    ['a repetition that has ended', [...times(5, () => look('a')), ...look('b')]],
  ] as const)('is nothing after %s', (_, parts) => {
    expect(after(parts)).toBeNull();
  });

  test('ends a run that goes on after it was told, and only then', () => {
    const nudge = after(times(3, () => look('a')));
    if (nudge === null || nudge === 'stuck') throw new Error('There was no nudge.');
    const { transient: _, ...notice } = nudge;
    const told = [...times(3, () => look('a')), { type: 'step-start' } as const, notice as MessagePart];
    expect(after(told)).toBeNull();
    expect(after([...told, ...look('a').slice(1), ...look('a')])).toBeNull();
    expect(after([...told, ...look('a').slice(1), ...times(2, () => look('a'))])).toBe('stuck');
    expect(after([...told, ...times(3, (turn) => look(`${turn}`))])).toBeNull();
  });

  test('is the same for an answer that repeats itself, which is told behind it', () => {
    const first = nudgeBehind([], { step: 1 });
    expect(first).toMatchObject({ data: { code: 'repeated-text' } });
    const told = [{ type: 'step-start' }, { type: 'text', text: 'Well, well.' }, first] as MessagePart[];
    expect(nudgeBehind(told, { step: 2 })).toBe('stuck');
    const gotOn = times(loopLimits.stepsToForgive, (turn) => look(`${turn}`));
    expect(nudgeBehind([...told, ...gotOn], { step: 2 })).toMatchObject({ data: { code: 'repeated-text' } });
  });

  test('tells a model again that has got on for long since it was told', () => {
    const nudge = after(times(3, () => look('a')));
    const told = [...times(3, () => look('a')), { type: 'step-start' } as const, nudge as MessagePart];
    const gotOn = (calls: number) => times(calls, (turn) => look(`${turn}`));
    const again = times(3, () => fail('b'));
    const few = gotOn(loopLimits.stepsToForgive - 1);
    expect(after([...told, ...few, ...again])).toBe('stuck');
    expect(codeAfter([...told, ...few, ...look('c'), ...again])).toBe('same-result');
  });

  test('every text for the model is as reviewed', () => {
    const codes = ['same-result', 'same-error', 'alternation', 'polling', 'repeated-text', 'other'];
    expect(Object.fromEntries(codes.map((code) => [code, nudgeToModel(code)]))).toMatchSnapshot();
  });
});
