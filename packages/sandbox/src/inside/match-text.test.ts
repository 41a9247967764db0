import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from './compile-pattern.ts';
import { createMatcher } from './match-text.ts';
import { parsePattern, PatternError } from './pattern-syntax.ts';

function matches(pattern: string, text: string, isCaseIgnored = false): boolean {
  return (
    createMatcher(compilePattern(parsePattern(pattern, isCaseIgnored))).endOfMatch(text, 0, text.length) !==
    -1
  );
}

const faultOf = (pattern: string): string => {
  try {
    compilePattern(parsePattern(pattern, false));
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
  throw new Error(`${pattern} was taken.`);
};

const atom = fc.constantFrom(
  'a',
  'b',
  'A',
  ' ',
  '_',
  '1',
  'é',
  '漢',
  '🙂',
  '.',
  '\\d',
  '\\w',
  '\\W',
  '\\s',
  '\\S',
  '\\D',
  '\\b',
  '\\B',
  '^',
  '$',
  '[ab]',
  '[^a]',
  '[a-c1]',
  '[^\\w]',
  '[🙂-🙉]',
  '[^🙂]',
  '\\x41',
  '\\u{1F642}',
  '\\u00e9',
  '\\t',
  '\\.',
  '\\$',
  '[.$]',
  '\\p{L}',
  '\\P{L}',
);
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    atom,
    fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => one + other),
    fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => `(${one}|${other})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '*?', '+?', '{2}', '{1,3}', '{0,2}?', '{2,}'))
      .map(([one, many]) => `(?:${one})${many}`),
    tie('pattern').map((one) => `(?<name>${one})`.replace('name', `n${one.length}`)),
  ),
}));
// Without characters beyond 0xffff: /[^a]$/u does not match one in V8 14, though it should.
const subject = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', ' ', '_', '1', 'é', '漢', '.', '$', '\t'),
  maxLength: 10,
});

describe('matching', () => {
  test('agrees with regular expressions of JavaScript, for any pattern and text', () => {
    fc.assert(
      fc.property(pattern, fc.array(subject, { minLength: 1, maxLength: 5 }), (source, texts) => {
        let expression: RegExp;
        try {
          expression = new RegExp(source, 'su');
        } catch {
          // Two groups of one name.
          return fc.pre(false);
        }
        const matcher = createMatcher(compilePattern(parsePattern(source, false)));
        for (const text of texts)
          expect(
            matcher.endOfMatch(text, 0, text.length) !== -1,
            `${source} in ${JSON.stringify(text)}`,
          ).toBe(expression.test(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('agrees with them without regard to case', () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', 'B', 'é', 'É', '[^b]', '[A-C]', '.', 'ß', '\\w'),
      minLength: 1,
      maxLength: 5,
    });
    const text = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'é', 'É', 'ß', '1'), maxLength: 6 });
    fc.assert(
      fc.property(letters, text, (source, subjectText) => {
        expect(matches(source, subjectText, true)).toBe(new RegExp(source, 'is').test(subjectText));
      }),
    );
    expect(matches('(?i)abc', 'xABC')).toBe(true);
    expect(matches('a(?i:b)c', 'aBc')).toBe(true);
    expect(matches('a(?i:b)c', 'aBC')).toBe(false);
    expect(matches('(?-i)abc', 'ABC', true)).toBe(false);
  });

  test('tells where the first match ends', () => {
    const matcher = createMatcher(compilePattern(parsePattern('b+c?', false)));
    const endOfMatch = (text: string, from: number, to: number) => matcher.endOfMatch(text, from, to);
    expect(endOfMatch('aabbc', 0, 5)).toBe(3);
    expect(endOfMatch('aabbc', 3, 5)).toBe(4);
    expect(endOfMatch('aabbc', 0, 2)).toBe(-1);
    expect(endOfMatch('aab', 0, 3)).toBe(3);
  });

  test('takes a character beyond 0xffff for one', () => {
    expect(matches('^.$', '🙂')).toBe(true);
    expect(matches('[^a]$', '🙂')).toBe(true);
    expect(matches('^[🙂-🙉]{2}$', '🙂🙉')).toBe(true);
    expect(matches('^[^🙂]$', '🙉')).toBe(true);
    expect(matches('[^🙂]', '🙂')).toBe(false);
    expect(matches('^\\u{1F642}\\b', '🙂a')).toBe(true);
    expect(matches('^\\p{Emoji}+$', '🙂🙉')).toBe(true);
    expect(matches('^\\W$', '🙂')).toBe(true);
  });

  test('knows classes of POSIX and both ways to name a group', () => {
    expect(matches('^[[:alpha:]_][[:alnum:]]*$', '_a1')).toBe(true);
    expect(matches('^[[:^digit:]]+$', 'a1')).toBe(false);
    expect(matches('^[]a]+$', ']a')).toBe(true);
    expect(matches('(?P<x>a)(?<y>b)', 'ab')).toBe(true);
    expect(matches('a{,2}', 'a{,2}')).toBe(true);
    expect(matches('x{', 'x{')).toBe(true);
  });

  // What the model reads is an interface: a change of these texts is reviewed as one.
  test.each([
    '(a)\\1',
    '(?<x>a)\\k<x>',
    'a(?=b)',
    'a(?!b)',
    '(?<=a)b',
    '(?<!a)b',
    '(?>a)',
    'a++',
    'a\\nb',
    '(a',
    'a)',
    '[a',
    '*a',
    'a{3,2}',
    'a{2000}',
    '(?:\\w{900}){900}',
    '\\',
    '\\q',
    '\\x{999999999}',
    '\\p{Nothing}',
    '[z-a]',
    '[[:nothing:]]',
    `${'('.repeat(200)}a${')'.repeat(200)}`,
    '^*',
  ])('of %j is refused in words', (source) => {
    expect(faultOf(source)).toMatchSnapshot();
  });

  test.each([
    ['(a+)+$', `${'a'.repeat(100_000)}b`],
    ['(x+x+)+y', 'x'.repeat(100_000)],
    ['(a|a)*c', 'a'.repeat(100_000)],
    ['(.*)*,(.*)*;', ','.repeat(100_000)],
    ['(a?){50}a{50}b', 'a'.repeat(100_000)],
    ['(\\w+\\s?)*!', 'word '.repeat(20_000)],
    ['[ab]*a[ab]{12}c', 'abba'.repeat(50_000)],
  ])('%s takes linear time where others take for ever', (source, text) => {
    const begun = performance.now();
    expect(matches(source, text)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test('goes on when a pattern has more states than are remembered, and says so', () => {
    let times = 0;
    const machine = compilePattern(parsePattern('[ab]*a[ab]{18}c', false));
    const matcher = createMatcher(machine, () => (times += 1));
    const random =
      fc.sample(
        fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 60_000, maxLength: 60_000, size: 'max' }),
        1,
      )[0] ?? '';
    expect(matcher.endOfMatch(random, 0, random.length)).toBe(-1);
    expect(matcher.endOfMatch(`${random}a${'b'.repeat(18)}c`, 0, random.length + 20)).toBe(
      random.length + 20,
    );
    expect(times).toBeGreaterThan(0);
  });
});
