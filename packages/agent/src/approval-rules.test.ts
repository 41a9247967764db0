import { describe, expect, it } from 'vitest';
import { type ApprovalRule, findRule, parseApprovalRules, ruleText } from './approval-rules.ts';

describe('approval rules', () => {
  it('are read in order, patterns with commas and equal signs among them', () => {
    const text = 'shell(git push*)=ask,\n shell(x=1, y)=deny , delete=allow, *=ask';
    const rules = parseApprovalRules(text);
    expect(rules).toEqual([
      { tool: 'shell', pattern: 'git push*', action: 'ask' },
      { tool: 'shell', pattern: 'x=1, y', action: 'deny' },
      { tool: 'delete', pattern: null, action: 'allow' },
      { tool: '*', pattern: null, action: 'ask' },
    ]);
    expect(rules.map(ruleText).join(',')).toBe('shell(git push*)=ask,shell(x=1, y)=deny,delete=allow,*=ask');
    expect(parseApprovalRules(' ')).toEqual([]);
  });

  it.each(['shell', 'shell=maybe', 'shell(rm=deny', '=deny', 'delete=allow; shell=ask'])(
    'are refused with their own words: %s',
    (text) => {
      expect(() => parseApprovalRules(text)).toThrow(text.slice(0, 10));
    },
  );
});

describe('the rule for a call', () => {
  const tool = (name: string) => ({ name, subjectsOf: (input: readonly string[]) => input });
  const actionFor = (text: string, name: string, ...subjects: string[]) =>
    findRule(parseApprovalRules(text), tool(name), subjects)?.action ?? null;

  it('is the first that fits', () => {
    const text = 'shell(git push --dry-run*)=allow, shell(git push*)=ask, sh*=deny';
    expect(actionFor(text, 'shell', 'git push --dry-run origin')).toBe('allow');
    expect(actionFor(text, 'shell', 'git push origin')).toBe('ask');
    expect(actionFor(text, 'shell_input', 'x')).toBe('deny');
    expect(actionFor(text, 'delete', 'x')).toBeNull();
  });

  it('fits a whole subject, with any characters where a star stands', () => {
    expect(actionFor('delete(a*b*c)=deny', 'delete', 'a\nxx/b c')).toBe('deny');
    expect(actionFor('delete(a*b*c)=deny', 'delete', 'a c')).toBeNull();
    expect(actionFor('delete(a)=deny', 'delete', 'ab')).toBeNull();
    expect(actionFor('delete(a*a)=deny', 'delete', 'a')).toBeNull();
    expect(actionFor('delete(.*)=deny', 'delete', 'x')).toBeNull();
  });

  it('denies and asks for one of several subjects, and allows only all of them', () => {
    expect(actionFor('shell(rm *)=deny', 'shell', 'ls', 'rm x')).toBe('deny');
    expect(actionFor('shell(git *)=allow', 'shell', 'git log', 'rm x')).toBeNull();
    expect(actionFor('shell(git *)=allow', 'shell', 'git log', 'git show')).toBe('allow');
    expect(actionFor('shell(*)=allow', 'shell')).toBeNull();
  });

  it('is found in no time for a pattern that is made to take long', () => {
    const rules: ApprovalRule[] = [{ tool: 'shell', pattern: `${'*a'.repeat(500)}b`, action: 'deny' }];
    expect(findRule(rules, tool('shell'), ['a'.repeat(100_000)])).toBeNull();
  });

  it('denies and asks for anything that goes with a subject, and allows only when it fits all of that', () => {
    const actionOf = (text: string) => findRule(parseApprovalRules(text), folder, {})?.action ?? null;
    const folder = { name: 'delete', subjectsOf: () => [{ text: 'a', otherTexts: ['z'], within: 'a/' }] };
    expect(
      ['a', 'z', 'a/*', 'a/b', '*b', 'a*c'].map((pattern) => actionOf(`delete(${pattern})=deny`)),
    ).toEqual(Array<string>(6).fill('deny'));
    expect(['b', 'ab/*', 'b*'].map((pattern) => actionOf(`delete(${pattern})=ask`))).toEqual([
      null,
      null,
      null,
    ]);
    expect(['a', 'z', 'a/*', '*b', 'a*c'].map((pattern) => actionOf(`delete(${pattern})=allow`))).toEqual(
      Array<null>(5).fill(null),
    );
    expect(['a*', '*'].map((pattern) => actionOf(`delete(${pattern})=allow`))).toEqual(['allow', 'allow']);
  });

  it('looks at the input of a tool that names no subjects', () => {
    const rules = parseApprovalRules('echo(*secret*)=deny');
    expect(findRule(rules, { name: 'echo' }, { text: 'a secret' })?.action).toBe('deny');
  });
});
