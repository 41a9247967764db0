import { type CodingTask, contentAfter, type GoldChange } from './task.ts';
import { type DiffHunk, diffLines, shownLines } from './line-diff.ts';

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** How one edit tool does a task's gold patch; `at` gives a file's path in the workspace. */
export type Hand = (task: CodingTask, at: (path: string) => string) => ToolCall[];

const context = 3;
const removal = (path: string): ToolCall => ({ name: 'delete', arguments: { paths: [path] } });
const writing = (path: string, content: string): ToolCall => ({
  name: 'write_file',
  arguments: { path, content },
});

function callsOf(
  { gold, files }: CodingTask,
  callsOfChange: (path: string, change: GoldChange, before: string) => readonly ToolCall[],
): ToolCall[] {
  return Object.entries(gold).flatMap(([path, change]) => callsOfChange(path, change, files[path] ?? ''));
}

const byWriting: Hand = (task, at) =>
  callsOf(task, (path, change, before) => {
    switch (change.kind) {
      case 'add':
        return [writing(at(path), change.content)];
      case 'delete':
        return [removal(at(path))];
      case 'edit':
        return [
          writing(at(change.movesTo ?? path), contentAfter(before, change.edits)),
          ...(change.movesTo === null ? [] : [removal(at(path))]),
        ];
    }
  });

const byReplacing: Hand = (task, at) =>
  callsOf(task, (path, change) => {
    switch (change.kind) {
      case 'add':
        return [writing(at(path), change.content)];
      case 'delete':
        return [removal(at(path))];
      case 'edit': {
        const { movesTo, edits } = change;
        return [
          ...(movesTo === null ? [] : [{ name: 'move', arguments: { from: at(path), to: at(movesTo) } }]),
          ...edits.map(({ oldText, newText, count }) => ({
            name: 'str_replace',
            arguments: {
              path: at(movesTo ?? path),
              old_str: oldText,
              new_str: newText,
              ...(count === 1 ? {} : { expected_count: count }),
            },
          })),
        ];
      }
    }
  });

const byPatching: Hand = (task, at) => {
  const lines = Object.entries(task.gold).flatMap(([path, change]) => {
    switch (change.kind) {
      case 'add':
        return [`*** Add File: ${at(path)}`, ...shownLines(change.content).map((line) => `+${line}`)];
      case 'delete':
        return [`*** Delete File: ${at(path)}`];
      case 'edit': {
        const { older, hunks } = hunksOf(task, path, change);
        return [
          `*** Update File: ${at(path)}`,
          ...(change.movesTo === null ? [] : [`*** Move to: ${at(change.movesTo)}`]),
          ...hunks.flatMap((hunk) => [
            anchorOf(older, hunk),
            ...hunk.lines.map(({ mark, text }) => `${mark}${text}`),
          ]),
        ];
      }
    }
  });
  return [patch(['*** Begin Patch', ...lines, '*** End Patch'])];
};

/** As `git diff` writes it. */
const byUnifiedDiff: Hand = (task, at) => {
  const lines = Object.entries(task.gold).flatMap(([path, change]) => {
    const [from, to] = [at(path), at((change.kind === 'edit' ? change.movesTo : null) ?? path)];
    const git = `diff --git a/${from} b/${to}`;
    if (change.kind !== 'edit') {
      const isNew = change.kind === 'add';
      const shown = shownLines(isNew ? change.content : (task.files[path] ?? ''));
      const [oldRange, newRange] = isNew ? ['-0,0', `+1,${shown.length}`] : [`-1,${shown.length}`, '+0,0'];
      return [
        git,
        isNew ? 'new file mode 100644' : 'deleted file mode 100644',
        isNew ? '--- /dev/null' : `--- a/${from}`,
        isNew ? `+++ b/${to}` : '+++ /dev/null',
        `@@ ${oldRange} ${newRange} @@`,
        ...shown.map((line) => `${isNew ? '+' : '-'}${line}`),
      ];
    }
    const { older, newer, hunks, hasFinalEnd } = hunksOf(task, path, change);
    const move = change.movesTo === null ? [] : [`rename from ${from}`, `rename to ${to}`];
    if (hunks.length === 0) return [git, ...move];
    return [
      git,
      ...move,
      `--- a/${from}`,
      `+++ b/${to}`,
      ...hunks.flatMap((hunk) => unifiedHunk(hunk, hasFinalEnd ? null : { older, newer })),
    ];
  });
  return [patch(lines)];
};

/** `ends` are the files when neither has a line end after its last line. */
function unifiedHunk(
  { oldStart, newStart, lines }: DiffHunk,
  ends: { readonly older: readonly string[]; readonly newer: readonly string[] } | null,
): string[] {
  const [oldCount, newCount] = [
    lines.filter(({ mark }) => mark !== '+').length,
    lines.filter(({ mark }) => mark !== '-').length,
  ];
  let [oldAt, newAt] = [oldStart, newStart];
  return [
    `@@ -${oldStart + 1},${oldCount} +${newStart + 1},${newCount} @@`,
    ...lines.flatMap(({ mark, text }) => {
      if (mark !== '+') oldAt += 1;
      if (mark !== '-') newAt += 1;
      const isLast =
        ends !== null && (mark === '+' ? newAt === ends.newer.length : oldAt === ends.older.length);
      return [`${mark}${text}`, ...(isLast ? ['\\ No newline at end of file'] : [])];
    }),
  ];
}

const patch = (lines: readonly string[]): ToolCall => ({
  name: 'apply_patch',
  arguments: { patch: `${lines.join('\n')}\n` },
});

function hunksOf({ files }: CodingTask, path: string, change: Extract<GoldChange, { kind: 'edit' }>) {
  const before = files[path] ?? '';
  const [older, newer] = [shownLines(before), shownLines(contentAfter(before, change.edits))];
  return { older, newer, hunks: diffLines(older, newer, context), hasFinalEnd: before.endsWith('\n') };
}

/** The nearest line above that is there only once, as a model names a function; nothing where no hint is needed. */
function anchorOf(older: readonly string[], { oldStart, lines }: DiffHunk): string {
  const kept = lines.filter(({ mark }) => mark !== '+').map(({ text }) => text);
  const places = older.filter((_, start) => kept.every((text, index) => older[start + index] === text));
  if (places.length === 1) return '@@';
  const anchor = older
    .slice(0, oldStart)
    .findLast((line) => older.filter((other) => other === line).length === 1);
  return `@@ ${anchor ?? ''}`.trimEnd();
}

/** The edit tools, and `apply_patch` in both of its forms. */
export const hands: Readonly<Record<string, Hand>> = {
  write_file: byWriting,
  str_replace: byReplacing,
  apply_patch: byPatching,
  'apply_patch with a diff': byUnifiedDiff,
};
