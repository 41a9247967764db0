/** A line of a diff; only the last one of a file may lack a line end. */
export interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

export interface DiffHunk {
  /** Index of the first line in the old and in the new file. */
  readonly oldStart: number;
  readonly newStart: number;
  readonly lines: readonly DiffLine[];
}

/** Lines of a file as a tool shows them: no mark, no carriage returns, and no empty line behind the last line end. */
export function shownLines(content: string): string[] {
  const lines = content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The hunks between two files, by their longest common subsequence, with `context` kept lines around each change. */
export function diffLines(older: readonly string[], newer: readonly string[], context: number): DiffHunk[] {
  const lines = alignLines(older, newer);
  const isNear = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ mark }) => mark !== ' '),
  );
  const hunks: { oldStart: number; newStart: number; lines: DiffLine[] }[] = [];
  let [oldAt, newAt] = [0, 0];
  lines.forEach((line, index) => {
    if (isNear[index]) {
      if (!isNear[index - 1]) hunks.push({ oldStart: oldAt, newStart: newAt, lines: [] });
      hunks.at(-1)?.lines.push(line);
    }
    if (line.mark !== '+') oldAt += 1;
    if (line.mark !== '-') newAt += 1;
  });
  return hunks;
}

function alignLines(older: readonly string[], newer: readonly string[]): DiffLine[] {
  /** lengths[i][j]: of the longest common subsequence of what follows. */
  const lengths = Array.from({ length: older.length + 1 }, () =>
    Array.from({ length: newer.length + 1 }, () => 0),
  );
  const lengthAt = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = older.length - 1; i >= 0; i -= 1)
    for (let j = newer.length - 1; j >= 0; j -= 1)
      lengths[i]![j] =
        older[i] === newer[j] ? lengthAt(i + 1, j + 1) + 1 : Math.max(lengthAt(i + 1, j), lengthAt(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < older.length || j < newer.length) {
    if (i < older.length && j < newer.length && older[i] === newer[j]) {
      lines.push({ mark: ' ', text: older[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (i < older.length && (j === newer.length || lengthAt(i + 1, j) >= lengthAt(i, j + 1))) {
      lines.push({ mark: '-', text: older[i]! });
      i += 1;
    } else {
      lines.push({ mark: '+', text: newer[j]! });
      j += 1;
    }
  }
  return lines;
}
