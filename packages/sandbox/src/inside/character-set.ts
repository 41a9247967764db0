/** Code points as ranges: ascending, apart from each other, both ends included. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

export const lastCodePoint = 0x10_ff_ff;

export function normalSet(ranges: CharacterSet): CharacterSet {
  const result: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

export function invertedSet(ranges: CharacterSet): CharacterSet {
  const result: [number, number][] = [];
  let next = 0;
  for (const [first, last] of normalSet(ranges)) {
    if (first > next) result.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) result.push([next, lastCodePoint]);
  return result;
}

export function setHas(set: CharacterSet, code: number): boolean {
  return set.some(([first, last]) => code >= first && code <= last);
}

const charactersOf = (text: string): CharacterSet =>
  normalSet(
    Array.from(text, (character) => [character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0] as const),
  );

export const digits: CharacterSet = [[48, 57]];
export const wordCharacters: CharacterSet = normalSet([...digits, [65, 90], [97, 122], [95, 95]]);
/** As regular expressions of JavaScript have it. */
export const blanks: CharacterSet = normalSet([
  ...charactersOf('\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'),
  [0x2000, 0x200a],
]);

/** Classes of POSIX, which stand within brackets. */
export const namedSets: Readonly<Record<string, CharacterSet>> = {
  alpha: [
    [65, 90],
    [97, 122],
  ],
  digit: digits,
  alnum: normalSet([...digits, [65, 90], [97, 122]]),
  upper: [[65, 90]],
  lower: [[97, 122]],
  space: blanks,
  blank: charactersOf(' \t'),
  punct: normalSet([
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ]),
  xdigit: normalSet([...digits, [65, 70], [97, 102]]),
  word: wordCharacters,
};

const properties = new Map<string, CharacterSet>();

/** A class like `L` or `Script=Greek`; null when there is none of that name. */
export function propertySet(name: string): CharacterSet | null {
  const known = properties.get(name);
  if (known) return known;
  let pattern: RegExp;
  try {
    pattern = new RegExp(`\\p{${name}}`, 'u');
  } catch {
    return null;
  }
  const ranges: [number, number][] = [];
  for (let code = 0; code <= lastCodePoint; code += 1) {
    if (!pattern.test(String.fromCodePoint(code))) continue;
    const previous = ranges.at(-1);
    if (previous && previous[1] === code - 1) previous[1] = code;
    else ranges.push([code, code]);
  }
  properties.set(name, ranges);
  return ranges;
}

/** Characters that are one but for their case are those with the same number here; only what is one unit of UTF-16. */
let caseGroups: Uint16Array | null = null;

function caseGroupOf(code: number): number {
  const upper = String.fromCharCode(code).toUpperCase();
  const lower = (upper.length === 1 ? upper : String.fromCharCode(code)).toLowerCase();
  return lower.length === 1 ? lower.charCodeAt(0) : code;
}

/** The set and all that differs from its characters by case alone. */
export function caselessSet(set: CharacterSet): CharacterSet {
  caseGroups ??= Uint16Array.from({ length: 0x1_00_00 }, (_, code) => caseGroupOf(code));
  const groups = caseGroups;
  const wanted = new Uint8Array(0x1_00_00);
  for (const [first, last] of set)
    for (let code = first; code <= Math.min(last, 0xff_ff); code += 1) wanted[groups[code] ?? 0] = 1;
  const ranges: [number, number][] = set.map(([first, last]) => [first, last]);
  for (let code = 0; code <= 0xff_ff; code += 1) {
    if (wanted[groups[code] ?? 0] !== 1) continue;
    const previous = ranges.at(-1);
    if (previous && previous[1] === code - 1) previous[1] = code;
    else ranges.push([code, code]);
  }
  return normalSet(ranges);
}
