import {
  blanks,
  type CharacterSet,
  caselessSet,
  digits,
  invertedSet,
  namedSets,
  normalSet,
  propertySet,
  wordCharacters,
} from './character-set.ts';

/** A regular expression as a tree. */
export type Pattern =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly parts: readonly Pattern[] }
  /** `most` is null where there is no limit. */
  | { readonly kind: 'repeat'; readonly part: Pattern; readonly least: number; readonly most: number | null }
  | { readonly kind: 'assert'; readonly assertion: 'start' | 'end' | 'word-edge' | 'no-word-edge' };

/** The pattern cannot be read, or not be matched in linear time; `message` is for the model. */
export class PatternError extends Error {}

/** Everything but the end of a line. */
export const anyCharacter: CharacterSet = invertedSet([[10, 10]]);
const maxRepeat = 1000;
/** Of groups within groups: this program reads them by recursion. */
const maxDepth = 100;

const controls: Readonly<Record<string, number>> = { t: 9, v: 11, f: 12, r: 13, a: 7, e: 27, 0: 0 };
const sets: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  D: invertedSet(digits),
  w: wordCharacters,
  W: invertedSet(wordCharacters),
  s: blanks,
  S: invertedSet(blanks),
};

export const literalPattern = (text: string, isCaseIgnored: boolean): Pattern => ({
  kind: 'sequence',
  parts: Array.from(text, (character) => characterPattern(character.codePointAt(0) ?? 0, isCaseIgnored)),
});

const caseless = new Map<number, CharacterSet>();

function characterPattern(code: number, isCaseIgnored: boolean): Pattern {
  if (!isCaseIgnored) return { kind: 'set', set: [[code, code]] };
  const set = caseless.get(code) ?? caselessSet([[code, code]]);
  caseless.set(code, set);
  return { kind: 'set', set };
}

/**
 * Reads a regular expression in the common form of JavaScript, PCRE and POSIX; within one line. Throws PatternError for
 * what cannot be matched in linear time: back references and looking around.
 */
export function parsePattern(text: string, isCaseIgnored: boolean): Pattern {
  const characters = Array.from(text);
  let at = 0;
  let depth = 0;

  const fail = (message: string): never => {
    throw new PatternError(message);
  };
  const peek = (length = 1): string => characters.slice(at, at + length).join('');
  function take(expected: string): boolean {
    if (peek(Array.from(expected).length) !== expected) return false;
    at += Array.from(expected).length;
    return true;
  }
  function takeUntil(end: string): string {
    const from = at;
    while (at < characters.length && characters[at] !== end) at += 1;
    if (at >= characters.length) fail(`A "${end}" is missing.`);
    at += 1;
    return characters.slice(from, at - 1).join('');
  }

  function choice(isCaseless: boolean): Pattern {
    if (++depth > maxDepth) fail(`Groups are nested more than ${maxDepth} deep.`);
    let isFolded = isCaseless;
    const parts: Pattern[] = [];
    for (;;) {
      const sequence: Pattern[] = [];
      while (at < characters.length && characters[at] !== '|' && characters[at] !== ')') {
        const flags = takeFlags(isFolded);
        if (flags !== null) isFolded = flags;
        else sequence.push(repeated(isFolded));
      }
      parts.push({ kind: 'sequence', parts: sequence });
      if (!take('|')) break;
    }
    depth -= 1;
    return parts.length === 1 ? (parts[0] as Pattern) : { kind: 'choice', parts };
  }

  /** `(?i)`: from here to the end of the group. Flags without a meaning for single lines change nothing. */
  function takeFlags(isFolded: boolean): boolean | null {
    const flags = /^\(\?([ismu]*)(?:-([ismu]+))?\)/.exec(peek(12));
    if (!flags || (!flags[1] && !flags[2])) return null;
    at += flags[0].length;
    return flags[1]?.includes('i') ? true : flags[2]?.includes('i') ? false : isFolded;
  }

  function repeated(isCaseless: boolean): Pattern {
    let part = atom(isCaseless);
    for (;;) {
      const limits = takeLimits();
      if (!limits) return part;
      const [least, most] = limits;
      if (part.kind === 'assert') fail(`There is nothing to repeat before "${characters[at - 1]}".`);
      part = { kind: 'repeat', part, least, most };
      // Lazy or not makes no difference to whether a line matches.
      if (!take('?') && peek() === '+')
        fail('Possessive repetition ("++", "*+") is not possible; leave the second "+" out.');
    }
  }

  function takeLimits(): readonly [number, number | null] | null {
    if (take('*')) return [0, null];
    if (take('+')) return [1, null];
    if (take('?')) return [0, 1];
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(peek(16));
    if (!braces) return null;
    at += braces[0].length;
    const least = Number(braces[1]);
    const most = braces[2] === undefined ? least : braces[3] ? Number(braces[3]) : null;
    if (least > maxRepeat || (most ?? 0) > maxRepeat) fail(`At most ${maxRepeat} repetitions are possible.`);
    if (most !== null && most < least) fail(`The limits of "${braces[0]}" are in the wrong order.`);
    return [least, most];
  }

  function atom(isCaseless: boolean): Pattern {
    const character = characters[at] ?? '';
    at += 1;
    switch (character) {
      case '.':
        return { kind: 'set', set: anyCharacter };
      case '^':
        return { kind: 'assert', assertion: 'start' };
      case '$':
        return { kind: 'assert', assertion: 'end' };
      case '(':
        return group(isCaseless);
      case '[':
        return { kind: 'set', set: bracket(isCaseless) };
      case '\\':
        return escape(isCaseless);
      case '*':
      case '+':
      case '?':
        return fail(`There is nothing to repeat before "${character}".`);
      default:
        return characterPattern(character.codePointAt(0) ?? 0, isCaseless);
    }
  }

  function group(isCaseless: boolean): Pattern {
    let isFolded = isCaseless;
    if (take('?')) {
      const flags = /^([ismu]*)(?:-([ismu]+))?:/.exec(peek(12));
      if (flags) {
        at += flags[0].length;
        isFolded = flags[1]?.includes('i') ? true : flags[2]?.includes('i') ? false : isCaseless;
      } else if (/^<?[=!]/.test(peek(2))) {
        fail(
          'Looking ahead or behind ("(?=", "(?!", "(?<=", "(?<!") is not possible, since the search takes linear time.',
        );
      } else if (take('P<') || take('<')) takeUntil('>');
      else fail(`"(?${peek()}" is not possible.`);
    }
    const inner = choice(isFolded);
    if (!take(')')) fail('A ")" is missing.');
    return inner;
  }

  function escape(isCaseless: boolean): Pattern {
    const letter = characters[at] ?? fail('The pattern ends with a single "\\".');
    if (letter === 'b' || letter === 'B' || letter === 'A' || letter === 'z' || letter === 'Z') {
      at += 1;
      if (letter === 'A') return { kind: 'assert', assertion: 'start' };
      if (letter === 'b' || letter === 'B')
        return { kind: 'assert', assertion: letter === 'b' ? 'word-edge' : 'no-word-edge' };
      return { kind: 'assert', assertion: 'end' };
    }
    const set = escapedSet();
    return { kind: 'set', set: isCaseless ? caselessSet(set) : set };
  }

  /** What stands behind a backslash, also within brackets. */
  function escapedSet(): CharacterSet {
    const letter = characters[at] ?? fail('The pattern ends with a single "\\".');
    at += 1;
    const known = sets[letter];
    if (known) return known;
    if (letter === 'n')
      fail('A pattern is matched within one line, so "\\n" never is; search for one of the lines.');
    if (letter === 'p' || letter === 'P') {
      const name = take('{') ? takeUntil('}') : (characters[at++] ?? '');
      const property = propertySet(name) ?? fail(`There is no class "\\p{${name}}".`);
      return letter === 'p' ? property : invertedSet(property);
    }
    const code = escapedCode(letter);
    return [[code, code]];
  }

  function escapedCode(letter: string): number {
    if (/[1-9]/.test(letter) || letter === 'k')
      fail(`Back references ("\\${letter}") are not possible, since the search takes linear time.`);
    if (letter === 'x' || letter === 'u') {
      const digitsHere = take('{') ? takeUntil('}') : peek(letter === 'x' ? 2 : 4);
      if (characters[at - 1] !== '}') at += digitsHere.length;
      const code = /^[0-9a-f]{1,6}$/i.test(digitsHere) ? Number.parseInt(digitsHere, 16) : Number.NaN;
      if (!(code <= 0x10_ff_ff)) fail(`"\\${letter}${digitsHere}" is no character.`);
      return code;
    }
    if (letter === 'c') return (characters[at++] ?? '').toUpperCase().charCodeAt(0) % 32;
    const control = controls[letter];
    if (control !== undefined) return control;
    if (/[A-Za-z]/.test(letter)) fail(`"\\${letter}" has no meaning here.`);
    return letter.codePointAt(0) ?? 0;
  }

  function bracket(isCaseless: boolean): CharacterSet {
    const isInverted = take('^');
    const ranges: (readonly [number, number])[] = [];
    for (let isFirst = true; ; isFirst = false) {
      if (at >= characters.length) fail('A "]" is missing.');
      if (characters[at] === ']' && !isFirst) break;
      const [first, isSingle] = bracketItem();
      const start = first[0]?.[0] ?? 0;
      if (isSingle && peek() === '-' && characters[at + 1] !== ']' && at + 1 < characters.length) {
        at += 1;
        const [last, isEndSingle] = bracketItem();
        const end = last[0]?.[0] ?? 0;
        if (!isEndSingle || end < start) fail('The ends of a range in brackets are in the wrong order.');
        ranges.push([start, end]);
      } else ranges.push(...first);
    }
    at += 1;
    const set = normalSet(ranges);
    const folded = isCaseless ? caselessSet(set) : set;
    return isInverted ? invertedSet(folded) : folded;
  }

  function bracketItem(): readonly [CharacterSet, boolean] {
    const named = /^\[:(\^?)([a-z]+):\]/.exec(peek(14));
    if (named) {
      at += named[0].length;
      const set = namedSets[named[2] ?? ''] ?? fail(`There is no class "${named[0]}".`);
      return [named[1] ? invertedSet(set) : set, false];
    }
    const character = characters[at] ?? '';
    at += 1;
    if (character !== '\\') {
      const code = character.codePointAt(0) ?? 0;
      return [[[code, code]], true];
    }
    if (take('b')) return [[[8, 8]], true];
    const set = escapedSet();
    return [set, set.length === 1 && set[0]?.[0] === set[0]?.[1]];
  }

  const pattern = choice(isCaseIgnored);
  if (at < characters.length) fail('A ")" closes no group.');
  return pattern;
}
