export interface NumberedLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Lines as the model reads them: the number right-aligned, a tab, the line. */
export function formatNumberedLines(lines: readonly NumberedLine[]): string {
  return lines.map(({ number, text }) => `${String(number).padStart(6)}\t${text}`).join('\n');
}

/** A line that is shown only to be recognised: cut where it says no more. */
export function shortened(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters).toWellFormed()}…`;
}

/** `line 4`, `lines 4, 19 and 40`, `lines 4, 19, 40 and 7 more`. */
export function nameLines(numbers: readonly number[], maxNamed = 10): string {
  if (numbers.length === 1) return `line ${numbers[0]}`;
  const named = numbers.slice(0, maxNamed);
  const rest = numbers.length - named.length;
  const last = rest > 0 ? `${rest} more` : String(named.pop());
  return `lines ${named.join(', ')} and ${last}`;
}
