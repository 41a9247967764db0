/** The beginning and the end of a text, in at most so many characters; `head`: the share of the beginning. */
export function cutMiddle(text: string, maxCharacters: number, head: number): string {
  if (text.length <= maxCharacters) return text;
  const room = maxCharacters - noteOf(text.length).length - 2;
  if (room <= 0) return text.slice(0, Math.max(0, maxCharacters)).toWellFormed();
  const headLength = Math.floor(room * head);
  const tailStart = text.length - (room - headLength);
  const note = noteOf(tailStart - headLength);
  return `${text.slice(0, headLength)}\n${note}\n${text.slice(tailStart)}`.toWellFormed();
}

function noteOf(characters: number): string {
  return `[… ${characters} characters left out …]`;
}
