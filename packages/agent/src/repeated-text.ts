import { loopLimits } from './loop-limits.ts';

/** Guesses: nobody writes six hundred characters of the same lines four times over, and models that are caught do. */
const minBlockCharacters = 20;
const minCharacters = 600;
/** Of shorter blocks, zeros or dashes say, a file may well hold much, and of equal lines too. */
const minCharactersInFiles = 8000;
const maxTailCharacters = 8192;
const everyCharacters = 512;

/** Whether a text ends by saying the same block again and again. Linear in the last 8,192 characters, which are all it looks at. */
export function repeatsItself(text: string, atLeast = minCharacters): boolean {
  const tail = text.slice(-maxTailCharacters);
  const { length } = tail;
  if (length < atLeast) return false;
  // The borders of the text read backwards (Knuth, Morris, Pratt): a suffix whose longest border is b has the period
  // length - b, and no smaller one.
  const borders = new Int32Array(length);
  const at = (index: number) => tail.charCodeAt(length - 1 - index);
  let border = 0;
  for (let index = 1; index < length; index += 1) {
    while (border > 0 && at(index) !== at(border)) border = borders[border - 1] ?? 0;
    if (at(index) === at(border)) border += 1;
    borders[index] = border;
    const stretch = index + 1;
    const block = stretch - border;
    if (stretch < loopLimits.repeatedBlocks * block) continue;
    if (stretch >= (block < minBlockCharacters ? minCharactersInFiles : atLeast)) return true;
  }
  return false;
}

/**
 * Watches a text that comes in pieces. `push` says whether it repeats itself by now; it looks every 512 characters.
 * `isFile`: it may be a file, which may say the same many times over before it is taken for a repetition.
 */
export function watchRepetition({ isFile = false } = {}): { push(piece: string): boolean } {
  let tail = '';
  let unseen = 0;
  return {
    push(piece) {
      tail = (tail + piece).slice(-maxTailCharacters);
      unseen += piece.length;
      if (unseen < everyCharacters) return false;
      unseen = 0;
      return repeatsItself(tail, isFile ? minCharactersInFiles : minCharacters);
    },
  };
}
