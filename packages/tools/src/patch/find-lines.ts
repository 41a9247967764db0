/**
 * Where a block of lines stands among others, ascending, overlaps included; linear in the number of lines (Knuth,
 * Morris, Pratt), for files and patches may consist of equal lines. At most `maxFound` places; an empty block is nowhere.
 */
export function findLines(
  lines: readonly string[],
  block: readonly string[],
  { from, maxFound }: { readonly from: number; readonly maxFound: number },
): number[] {
  const found: number[] = [];
  if (block.length === 0) return found;
  const borders = bordersOf(block);
  let matched = 0;
  for (let at = from; at < lines.length && found.length < maxFound; at += 1) {
    while (matched > 0 && block[matched] !== lines[at]) matched = borders[matched - 1] ?? 0;
    if (block[matched] === lines[at]) matched += 1;
    if (matched < block.length) continue;
    found.push(at - block.length + 1);
    matched = borders[matched - 1] ?? 0;
  }
  return found;
}

/** For each beginning of the block: how long its longest proper beginning is that is also its end. */
function bordersOf(block: readonly string[]): number[] {
  const borders = [0];
  for (let at = 1, length = 0; at < block.length; at += 1) {
    while (length > 0 && block[length] !== block[at]) length = borders[length - 1] ?? 0;
    if (block[length] === block[at]) length += 1;
    borders.push(length);
  }
  return borders;
}
