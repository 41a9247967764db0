/** A replacement of one piece of text that stands once in the file. */
export interface Edit {
  readonly oldText: string;
  readonly newText: string;
}

/**
 * The smallest run of whole lines that turns one text into the other, widened until it stands only once. Null when the
 * texts are equal, or when so much differs that writing the file anew says it better.
 */
export function findEdit(before: string, after: string): Edit | null {
  if (before === after) return null;
  const old = before.split('\n');
  const fresh = after.split('\n');
  let head = 0;
  while (head < Math.min(old.length, fresh.length) && old[head] === fresh[head]) head += 1;
  let tail = 0;
  while (
    tail < Math.min(old.length, fresh.length) - head &&
    old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]
  ) {
    tail += 1;
  }
  // Widened by one line on each side until unique; ends at the whole text at the latest.
  for (;;) {
    const oldText = old.slice(head, old.length - tail).join('\n');
    const newText = fresh.slice(head, fresh.length - tail).join('\n');
    if (oldText.length > before.length / 2) return null;
    if (oldText !== '' && before.indexOf(oldText) === before.lastIndexOf(oldText))
      return { oldText, newText };
    if (head === 0 && tail === 0) return null;
    head = Math.max(0, head - 1);
    tail = Math.max(0, tail - 1);
  }
}
