import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyHunks, type HunksOutcome } from './apply-hunks.ts';
import type { FilePatch } from './file-patch.ts';
import { parsePatch } from './parse-patch.ts';

function apply(content: string | Uint8Array, patch: string): HunksOutcome {
  const [file] = parsePatch(patch) as [Extract<FilePatch, { kind: 'update' }>];
  return applyHunks(typeof content === 'string' ? Buffer.from(content) : content, file.hunks);
}

function applied(content: string | Uint8Array, patch: string): string {
  const outcome = apply(content, patch);
  if (outcome.outcome === 'refused') throw new Error(outcome.faults.join('\n'));
  return outcome.bytes.toString();
}

const update = (...lines: string[]): string =>
  ['*** Begin Patch', '*** Update File: f', ...lines, '*** End Patch'].join('\n');

/** An old file, what becomes of its lines, and how many kept lines a hunk shows around a change. */
const change = fc.record({
  segments: fc.array(
    fc.record({
      kept: fc.array(fc.constantFrom('', 'a', '\tb', 'ü ', '-x', '+y', '@@'), { maxLength: 6 }),
      removed: fc.array(fc.constantFrom('', 'a', '-- c', '漢'), { maxLength: 3 }),
      added: fc.array(fc.constantFrom('', 'a', '++ d', ' e'), { maxLength: 3 }),
    }),
    { maxLength: 5 },
  ),
  context: fc.integer({ min: 0, max: 3 }),
  end: fc.constantFrom('\n', '\r\n'),
  hasMark: fc.boolean(),
  hasFinalEnd: fc.boolean(),
});

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

/** Old and new content and the diff between them, hunk by hunk, written down by hand. */
function model({ segments, context, end, hasMark, hasFinalEnd }: Change, isUnique: boolean) {
  const lines = segments.flatMap(({ kept, removed, added }) => [
    ...kept.map((text) => ({ mark: ' ', text })),
    ...removed.map((text) => ({ mark: '-', text })),
    ...added.map((text) => ({ mark: '+', text })),
    // A line that nobody touches parts the segments.
    { mark: ' ', text: 'part' },
  ]);
  const named = isUnique ? lines.map(({ mark, text }, index) => ({ mark, text: `${text}${index}` })) : lines;
  const content = (skip: string) => {
    const shown = named.filter(({ mark }) => mark !== skip).map(({ text }) => text);
    return Buffer.from(
      `${hasMark ? '\ufeff' : ''}${shown.join(end)}${hasFinalEnd && shown.length > 0 ? end : ''}`,
    );
  };
  const isShown = named.map((_, index) =>
    named.slice(Math.max(0, index - context), index + context + 1).some(({ mark }) => mark !== ' '),
  );
  const hunks: { oldStart: number; newStart: number; lines: typeof named }[] = [];
  let [oldAt, newAt] = [0, 0];
  for (const [index, line] of named.entries()) {
    if (isShown[index]) {
      if (index === 0 || !isShown[index - 1]) hunks.push({ oldStart: oldAt, newStart: newAt, lines: [] });
      hunks.at(-1)?.lines.push(line);
    }
    if (line.mark !== '+') oldAt += 1;
    if (line.mark !== '-') newAt += 1;
  }
  return { old: content('+'), now: content('-'), hunks };
}

describe('applying hunks', () => {
  test('of a unified diff makes the new file of the old one, byte for byte, equal lines and all', () => {
    fc.assert(
      fc.property(change, (given) => {
        const { old, now, hunks } = model(given, false);
        // A file without any line end does not say which kind it has.
        fc.pre(hunks.length > 0 && (given.end === '\n' || old.includes(given.end)));
        const text = hunks.map(({ oldStart, newStart, lines }) => {
          const [oldCount, newCount] = ['+', '-'].map(
            (skip) => lines.filter(({ mark }) => mark !== skip).length,
          );
          const header = `@@ -${oldStart + (oldCount ? 1 : 0)},${oldCount} +${newStart + (newCount ? 1 : 0)},${newCount} @@`;
          return [header, ...lines.map((line) => line.mark + line.text)].join('\n');
        });
        const outcome = apply(old, `--- a/f\n+++ b/f\n${text.join('\n')}\n`);
        expect(outcome).toMatchObject({ outcome: 'applied', isLoose: false });
        expect(outcome.outcome === 'applied' && outcome.bytes.toString()).toBe(now.toString());
      }),
    );
  });

  test('behind marks makes the new file of the old one, byte for byte', () => {
    fc.assert(
      fc.property(change, (given) => {
        const { old, now, hunks } = model({ ...given, context: Math.max(1, given.context) }, true);
        // A file without any line end does not say which kind it has.
        fc.pre(hunks.length > 0 && (given.end === '\n' || old.includes(given.end)));
        const outcome = apply(
          old,
          update(...hunks.flatMap(({ lines }) => ['@@', ...lines.map(({ mark, text }) => mark + text)])),
        );
        expect(outcome).toMatchObject({ outcome: 'applied', isLoose: false });
        expect(outcome.outcome === 'applied' && outcome.bytes.toString()).toBe(now.toString());
      }),
    );
  });

  test('keeps every byte of other lines, whatever they are', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((some) => Buffer.from(some));
    fc.assert(
      fc.property(bytes, bytes, (before, after) => {
        const content = Buffer.concat([before, Buffer.from('\nMARK\n'), after]);
        const outcome = apply(content, update('-MARK', '+other'));
        const expected = Buffer.concat([before, Buffer.from('\nother\n'), after]);
        expect(outcome.outcome === 'applied' && outcome.bytes.equals(expected)).toBe(true);
      }),
    );
  });

  test('takes a file of one line of two megabytes', () => {
    const long = 'x'.repeat(2_000_000);
    expect(applied(`${long}\nend\n`, update(' ', '-end', '+END').replace('\n \n', `\n ${long}\n`))).toBe(
      `${long}\nEND\n`,
    );
    expect(applied(`a\n${long}`, update(' a', `-${long}`, '+short'))).toBe('a\nshort');
  });

  test('finds its place below what "@@" names', () => {
    const content = 'class A:\n  def f():\n    return 1\nclass B:\n  def f():\n    return 1\n';
    expect(applied(content, update('@@ class B:', '-    return 1', '+    return 2'))).toBe(
      'class A:\n  def f():\n    return 1\nclass B:\n  def f():\n    return 2\n',
    );
    expect(applied(content, update('@@ class B:', '@@ def f():', '+    log()'))).toContain(
      'class B:\n  def f():\n    log()\n',
    );
  });

  test('adds at the end when nothing says where', () => {
    expect(applied('a\nb\n', update('+c'))).toBe('a\nb\nc\n');
    expect(applied('a\r\nb', update('+c'))).toBe('a\r\nb\r\nc');
    expect(applied('', update('+c'))).toBe('c\n');
    expect(applied('x\na\nx\n', update(' x', '+y', '*** End of File'))).toBe('x\na\nx\ny\n');
  });

  test('of a diff says whether the file ends with a line end', () => {
    const diff = (...lines: string[]) => ['--- a/f', '+++ b/f', '@@ -1,2 +1,2 @@', ...lines, ''].join('\n');
    expect(applied('a\nb', diff(' a', '-b', '\\ No newline at end of file', '+c'))).toBe('a\nc\n');
    expect(applied('a\nb\n', diff(' a', '-b', '+c', '\\ No newline at end of file'))).toBe('a\nc');
    expect(applied('a\nb', diff('-a', '+A', ' b', '\\ No newline at end of file'))).toBe('A\nb');
  });

  test('of a diff may have moved, when its lines are unique or were moved alike', () => {
    const diff = '--- a/f\n+++ b/f\n@@ -2,1 +2,1 @@\n-b\n+B\n@@ -4,1 +4,1 @@\n-x\n+X\n';
    expect(applied('0\n0\na\nb\nx\nx\nx\n', diff)).toBe('0\n0\na\nB\nx\nX\nx\n');
  });

  test('ends an added line like its neighbour, unless the patch names line ends itself', () => {
    const mixed = 'a\r\nb\n';
    expect(applied(mixed, update(' a', '+x', ' b'))).toBe('a\r\nx\r\nb\n');
    expect(applied(mixed, update('-b', '+x'))).toBe('a\r\nx\n');
    expect(applied(mixed, update(' a\r', '+x', ' b'))).toBe('a\r\nx\nb\n');
    expect(applied(mixed, update(' a\r', '+x\r', ' b'))).toBe('a\r\nx\r\nb\n');
    expect(applied('a\r\nb\r\n', update('-a\r', '+a'))).toBe('a\nb\r\n');
  });

  test('takes other blanks at line ends for the same, and says so', () => {
    expect(apply('a  \nb\t\nc\n', update(' a', '-b', '+B', ' c'))).toMatchObject({
      outcome: 'applied',
      bytes: Buffer.from('a  \nB\nc\n'),
      isLoose: true,
    });
  });

  // What the model reads is an interface: a change of these texts is reviewed as one.
  test.each([
    ['twice there', 'a\nx\na\nx\n', update('-x', '+y')],
    [
      'at another indentation',
      'def f():\n\treturn 1\n',
      update(' def f():', '-    return 1', '+    return 2'),
    ],
    ['not there', 'one\ntwo\n', update('-three hundred', '+y')],
    ['above the one before', 'a\nb\nc\n', update(' b', '-c', '+C', '@@', '-a', '+A')],
    ['not at the end', 'a\nb\nc\n', update('-a', '+A', '*** End of File')],
    ['below no such line', 'a\nb\n', update('@@ class Z', '-a', '+A')],
    ['nowhere near its number', 'x\na\nx\nb\nx\n', '--- a/f\n+++ b/f\n@@ -2 +2 @@\n-x\n+y\n'],
    ['behind the end', 'a\n', '--- a/f\n+++ b/f\n@@ -7,0 +8,1 @@\n+y\n'],
    ['more than Latin-1', Buffer.from('\u00fc\n', 'latin1'), update('-ü', '+東')],
    [
      'wrong many times',
      'a\n',
      update(...Array.from({ length: 9 }, (_, index) => ['@@', `-missing ${index}`]).flat()),
    ],
  ])('is refused in words when its lines are %s', (_, content, patch) => {
    const outcome = apply(content, patch);
    expect(outcome.outcome === 'refused' ? outcome.faults.join('\n') : outcome).toMatchSnapshot();
  });

  test('of too many lines and hunks is refused at once', () => {
    const content = '\n'.repeat(1_000_000);
    const hunks = Array.from({ length: 60 }, (_, index) => ['@@', `-${index}`]).flat();
    expect(apply(content, update(...hunks))).toMatchObject({ faults: [expect.stringContaining('too many')] });
  });
});

describe('lines that stand at more places than are looked at', () => {
  const lines = Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? '}' : `line ${index}`));

  test('are changed where the header says', () => {
    const removed = applied(`${lines.join('\n')}\n`, '--- a/f\n+++ b/f\n@@ -301 +300,0 @@\n-}\n');
    expect(removed).toBe(`${lines.toSpliced(300, 1).join('\n')}\n`);
  });

  test('are changed at the end of the file', () => {
    const changed = applied(`${[...lines, '}'].join('\n')}\n`, update('@@', '-}', '+];', '*** End of File'));
    expect(changed).toBe(`${[...lines, '];'].join('\n')}\n`);
  });
});
