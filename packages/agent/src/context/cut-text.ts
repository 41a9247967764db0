/** Begins each line of what somebody else wrote, where a line without it is ours. */
const lineMark = '| ';

/** All that may look like the end of a line to whoever reads it. */
const lineEnds = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

/** A text whose every line is marked, so that nothing in it passes for one of ours. */
export function markLines(text: string): string {
  return `${lineMark}${text.replaceAll(lineEnds, `\n${lineMark}`)}`;
}

/** The text that was marked. */
export function unmarkLines(marked: string): string {
  return marked
    .split('\n')
    .map((line) => (line.startsWith(lineMark) ? line.slice(lineMark.length) : line))
    .join('\n');
}

/** The beginning and the end of a text, in at most so many characters; `head`: the share of the beginning. */
export function cutMiddle(text: string, maxCharacters: number, head: number): string {
  return cut(text, { maxCharacters, head, mark: '' });
}

/** The same of a text with marked lines: they stay marked, and the note on what is left out is not. */
export function cutMarked(marked: string, maxCharacters: number): string {
  return cut(marked, { maxCharacters, head: 0.5, mark: lineMark });
}

function cut(
  text: string,
  options: { readonly maxCharacters: number; readonly head: number; readonly mark: string },
): string {
  const { maxCharacters, head, mark } = options;
  if (text.length <= maxCharacters) return text;
  const room = maxCharacters - noteOf(text.length).length - mark.length - 2;
  if (room <= 0) return text.slice(0, Math.max(0, maxCharacters)).toWellFormed();
  const headLength = Math.floor(room * head);
  const tailStart = text.length - (room - headLength);
  const note = noteOf(tailStart - headLength);
  return `${text.slice(0, headLength)}\n${note}\n${mark}${text.slice(tailStart)}`.toWellFormed();
}

function noteOf(characters: number): string {
  return `[… ${characters} characters left out …]`;
}
