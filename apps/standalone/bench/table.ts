/** One line of the bench's table. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly baselines: Readonly<Partial<Record<'DIY' | 'floor' | 'direct' | 'skeleton' | 'SDK', string>>>;
  readonly target: string;
  readonly isMet: boolean;
}

const heads = ['', 'Switchyard', 'DIY', 'floor', 'direct', 'skeleton', 'SDK', 'target', ''];

/** Prints the rows in columns, with a mark at those that miss their target. */
export function printTable(rows: readonly Row[], print: (line: string) => void): void {
  const lines = rows.map(({ what, ours, baselines, target, isMet }) => [
    what,
    ours,
    baselines.DIY ?? '',
    baselines.floor ?? '',
    baselines.direct ?? '',
    baselines.skeleton ?? '',
    baselines.SDK ?? '',
    target,
    isMet ? 'ok' : 'MISSED',
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  for (const line of [heads, ...lines]) {
    print(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
