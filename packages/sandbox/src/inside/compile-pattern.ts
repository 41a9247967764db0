import { type CharacterSet, setHas, wordCharacters } from './character-set.ts';
import { type Pattern, PatternError } from './pattern-syntax.ts';

type Assertion = Extract<Pattern, { kind: 'assert' }>['assertion'];

/** One step of a machine that may be at several steps at once. `next` and `other` are indexes of steps. */
export type Step =
  | { readonly kind: 'set'; readonly set: number; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion; next: number }
  | { readonly kind: 'match' };

/** A pattern as steps over characters, which are sorted into classes that no set tells apart. */
export interface Machine {
  readonly steps: readonly Step[];
  readonly start: number;
  /** By code, up to 0xffff; the others one by one. */
  readonly classOf: Uint16Array;
  readonly classOfAstral: (code: number) => number;
  readonly classCount: number;
  /** By class: whether its characters are parts of words. */
  readonly isWord: readonly boolean[];
  /** By set and class. */
  readonly contains: readonly (readonly boolean[])[];
}

/** Each character of a text costs at most this many steps. */
const maxSteps = 4000;
const firstAstral = 0x1_00_00;

/** Throws PatternError when the pattern is too large. */
export function compilePattern(pattern: Pattern): Machine {
  const steps: Step[] = [{ kind: 'match' }];
  const sets: CharacterSet[] = [];
  const indexes = new Map<string, number>();

  function add(step: Step): number {
    if (steps.length >= maxSteps)
      throw new PatternError('The pattern is too large; use fewer or smaller repetitions.');
    steps.push(step);
    return steps.length - 1;
  }

  function addSet(characters: CharacterSet, next: number): number {
    const key = characters.join(';');
    const set = indexes.get(key) ?? sets.push(characters) - 1;
    indexes.set(key, set);
    return add({ kind: 'set', set, next });
  }

  /** From the end to the beginning: `next` is where it goes on. */
  function build(part: Pattern, next: number): number {
    switch (part.kind) {
      case 'set':
        return addSet(part.set, next);
      case 'sequence':
        return part.parts.reduceRight((following, each) => build(each, following), next);
      case 'choice':
        return part.parts
          .map((each) => build(each, next))
          .reduce((other, first) => add({ kind: 'split', next: first, other }));
      case 'assert':
        return add({ kind: 'assert', assertion: part.assertion, next });
      case 'repeat': {
        let following = next;
        if (part.most === null) {
          const split = add({ kind: 'split', next, other: next });
          (steps[split] as { other: number }).other = build(part.part, split);
          following = split;
        } else {
          for (let count = part.least; count < part.most; count += 1)
            following = add({ kind: 'split', next, other: build(part.part, following) });
        }
        for (let count = 0; count < part.least; count += 1) following = build(part.part, following);
        return following;
      }
    }
  }

  const start = build(pattern, 0);
  return { steps, start, ...classify(sets) };
}

/** Sorts all characters by which sets have them. */
function classify(sets: readonly CharacterSet[]): Omit<Machine, 'steps' | 'start'> {
  const all = [...sets, wordCharacters];
  const edges = [
    ...new Set([0, ...all.flatMap((set) => set.flatMap(([first, last]) => [first, last + 1]))]),
  ].sort((a, b) => a - b);
  const classes = new Map<string, number>();
  const members: boolean[][] = [];
  const classOfEdge = edges.map((edge) => {
    const has = all.map((set) => setHas(set, edge));
    const key = has.map((each) => (each ? '1' : '0')).join('');
    const known = classes.get(key) ?? members.push(has) - 1;
    classes.set(key, known);
    return known;
  });
  const table = new Uint16Array(firstAstral);
  for (const [index, edge] of edges.entries())
    table.fill(classOfEdge[index] ?? 0, edge, edges[index + 1] ?? firstAstral);

  function classOfAstral(code: number): number {
    let [low, high] = [0, edges.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((edges[middle] ?? 0) <= code) low = middle;
      else high = middle - 1;
    }
    return classOfEdge[low] ?? 0;
  }

  return {
    classOf: table,
    classOfAstral,
    classCount: members.length,
    isWord: members.map((has) => has[sets.length] === true),
    contains: sets.map((_, set) => members.map((has) => has[set] === true)),
  };
}
