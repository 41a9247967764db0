import { invertedSet, normalSet } from './character-set.ts';
import { anyCharacter, type Pattern, PatternError } from './pattern-syntax.ts';

const slash = '/'.charCodeAt(0);
/** Names may hold line breaks. */
const inName: Pattern = { kind: 'set', set: invertedSet([[slash, slash]]) };
const anything: Pattern = { kind: 'set', set: normalSet([...anyCharacter, [10, 10]]) };
const literal = (character: string): Pattern => {
  const code = character.codePointAt(0) ?? 0;
  return { kind: 'set', set: [[code, code]] };
};
const sequence = (...parts: Pattern[]): Pattern => ({ kind: 'sequence', parts });
const many = (part: Pattern, least = 0): Pattern => ({ kind: 'repeat', part, least, most: null });
/** No folder or several, each with its slash. */
const folders: Pattern = {
  kind: 'choice',
  parts: [sequence(), sequence(many(anything), literal('/'))],
};
const maxDepth = 20;

/**
 * Reads a pattern for paths: `*` and `?` within a name, `**` over folders, `[abc]`, `[!abc]`, `{one,other}`, a backslash
 * before what stands for itself. A pattern without a slash is one for names, in any folder. Throws PatternError.
 */
export function parseGlob(text: string): Pattern {
  const characters = Array.from(text.replace(/^(\.?\/)+/, ''));
  let at = 0;

  /** Up to the end, or to what parts or closes a choice. */
  function parts(depth: number): Pattern[] {
    if (depth > maxDepth) throw new PatternError(`Braces are nested more than ${maxDepth} deep.`);
    const result: Pattern[] = [];
    while (at < characters.length) {
      const character = characters[at] ?? '';
      if (depth > 0 && (character === ',' || character === '}')) break;
      at += 1;
      if (character === '*') result.push(stars());
      else if (character === '?') result.push(inName);
      else if (character === '[') result.push(bracket());
      else if (character === '{') result.push(braces(depth));
      else if (character === '\\' && at < characters.length) result.push(literal(characters[at++] ?? ''));
      else result.push(literal(character));
    }
    return result;
  }

  function stars(): Pattern {
    if (characters[at] !== '*') return many(inName);
    const isSegmentStart =
      at === 1 || characters[at - 2] === '/' || characters[at - 2] === '{' || characters[at - 2] === ',';
    while (characters[at] === '*') at += 1;
    if (!isSegmentStart) return many(anything);
    if (characters[at] !== '/') return many(anything);
    at += 1;
    return folders;
  }

  function bracket(): Pattern {
    const end = characters.indexOf(']', at + (characters[at] === '!' || characters[at] === '^' ? 2 : 1));
    if (end === -1) return literal('[');
    const isInverted = characters[at] === '!' || characters[at] === '^';
    const inner = characters.slice(at + (isInverted ? 1 : 0), end);
    at = end + 1;
    const ranges: [number, number][] = [];
    for (let index = 0; index < inner.length; index += 1) {
      const first = inner[index]?.codePointAt(0) ?? 0;
      const isRange = inner[index + 1] === '-' && index + 2 < inner.length;
      const last = isRange ? (inner[index + 2]?.codePointAt(0) ?? 0) : first;
      if (last < first) throw new PatternError('The ends of a range in brackets are in the wrong order.');
      ranges.push([first, last]);
      if (isRange) index += 2;
    }
    // A slash parts names, whatever brackets say.
    const outside = isInverted ? normalSet([...ranges, [slash, slash]]) : invertedSet(ranges);
    return { kind: 'set', set: invertedSet(normalSet([...outside, [slash, slash]])) };
  }

  function braces(depth: number): Pattern {
    const choices = [sequence(...parts(depth + 1))];
    while (characters[at] === ',') {
      at += 1;
      choices.push(sequence(...parts(depth + 1)));
    }
    if (characters[at] !== '}') throw new PatternError('A "}" is missing.');
    at += 1;
    return { kind: 'choice', parts: choices };
  }

  const whole = parts(0);
  const isName = !characters.includes('/');
  return sequence({ kind: 'assert', assertion: 'start' }, ...(isName ? [folders] : []), ...whole, {
    kind: 'assert',
    assertion: 'end',
  });
}
