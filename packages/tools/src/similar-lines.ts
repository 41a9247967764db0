export interface LineSpan {
  /** Index of the first line, from 0. */
  readonly start: number;
  readonly length: number;
}

const maxComparedCharacters = 200;
/** Below it the lines have little more than common words. A guess. */
const minSimilarity = 0.5;
const candidates = 5;

/** Where a file is most like a block of lines; null when nothing comes close. */
export function bestWindow(lines: readonly string[], block: readonly string[]): LineSpan | null {
  // The longest line says most about where the block belongs.
  const anchor = block.reduce(
    (best, line, index) => (line.length > (block[best] ?? '').length ? index : best),
    0,
  );
  const wanted = pairsOf(block[anchor] ?? '');
  if (wanted.size === 0) return null;
  const places = lines
    .map((line, index) => ({ index, score: similarity(wanted, pairsOf(line)) }))
    .filter(({ score }) => score >= minSimilarity)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, candidates);

  let best: { readonly start: number; readonly score: number } | null = null;
  for (const { index } of places) {
    const start = Math.max(0, index - anchor);
    const scores = block.map((line, offset) =>
      similarity(pairsOf(line), pairsOf(lines[start + offset] ?? '')),
    );
    const score = scores.reduce((sum, each) => sum + each, 0);
    if (best === null || score > best.score) best = { start, score };
  }
  if (best === null) return null;
  return { start: best.start, length: Math.min(block.length, lines.length - best.start) };
}

/** The pairs of neighbouring characters, blanks left out. */
function pairsOf(line: string): ReadonlySet<number> {
  const text = line.slice(0, maxComparedCharacters).replaceAll(/\s+/g, '');
  const pairs = new Set<number>();
  for (let at = 0; at + 1 < text.length; at += 1)
    pairs.add(text.charCodeAt(at) * 65_536 + text.charCodeAt(at + 1));
  return pairs;
}

/** Dice's coefficient: 1 for the same pairs, 0 for none in common. */
function similarity(one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  if (one.size === 0 && other.size === 0) return 1;
  let common = 0;
  for (const pair of one) if (other.has(pair)) common += 1;
  return (2 * common) / (one.size + other.size);
}
