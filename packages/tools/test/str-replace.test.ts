import { randomUUID } from 'node:crypto';
import { ClaimTakenError } from '@switchyard/sandbox';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileTool } from '../src/read-file.ts';
import { shellTool } from '../src/shell.ts';
import { strReplaceTool } from '../src/str-replace.ts';
import { writeFileTool } from '../src/write-file.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

const inspect = (callId: string) =>
  bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });

describe('str_replace', () => {
  test('changes one place, keeps mode and bytes, and shows the new lines', async () => {
    await bench.call(shellTool, {
      command: String.raw`printf '#!/bin/sh\n\techo "a"\n\techo "b"\n' > run.sh; chmod 755 run.sh`,
    });
    const input = { path: 'run.sh', old_str: '\techo "a"', new_str: '\techo "A"\n\techo "AA"' };
    expect(await bench.call(strReplaceTool, input)).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": {
          "atLines": [
            2,
          ],
          "bytes": 41,
          "now": "     1	#!/bin/sh
           2		echo "A"
           3		echo "AA"
           4		echo "b"",
          "path": "run.sh",
          "replacements": 1,
        },
      }
    `);
    expect((await bench.read('run.sh')).toString()).toBe('#!/bin/sh\n\techo "A"\n\techo "AA"\n\techo "b"\n');
    expect(await bench.call(shellTool, { command: './run.sh' })).toMatchObject({
      output: { output: 'A\nAA\nb\n' },
    });
  });

  test('names the places when there are several, and replaces them all when asked', async () => {
    await bench.write('many.txt', 'x = 1\ny = x\nz = x\n');
    expect(await bench.call(strReplaceTool, { path: 'many.txt', old_str: 'x', new_str: 'w' })).toEqual({
      outcome: 'error',
      message:
        'old_str occurs 3 times in many.txt, at lines 1, 2 and 3; nothing was changed. Add lines around it until it is unique, or set expected_count to 3 to replace them all.',
    });
    const all = { path: 'many.txt', old_str: 'x', new_str: 'w', replace_all: true };
    expect(await bench.call(strReplaceTool, all)).toMatchObject({
      output: { replacements: 3, atLines: [1, 2, 3] },
    });
    expect((await bench.read('many.txt')).toString()).toBe('w = 1\ny = w\nz = w\n');
  });

  test('explains a miss and changes nothing', async () => {
    await bench.write('tabs.py', 'def f():\n\treturn 1\n');
    const miss = { path: 'tabs.py', old_str: '    return 1', new_str: '    return 2' };
    expect(await bench.call(strReplaceTool, miss)).toMatchInlineSnapshot(`
      {
        "message": "old_str was not found in tabs.py; nothing was changed. Only whitespace differs at line 2. Line 2 begins with 1 tab, in old_str with 4 spaces. The file has:
           2		return 1",
        "outcome": "error",
      }
    `);
    expect((await bench.read('tabs.py')).toString()).toBe('def f():\n\treturn 1\n');
  });

  test('recovers its own result from the claim', async () => {
    await bench.write('once.txt', 'a b c');
    const callId = randomUUID();
    const input = { path: 'once.txt', old_str: 'b', new_str: 'bb' };
    const first = await bench.call(strReplaceTool, input, { callId });
    await expect(
      bench.call(strReplaceTool, { ...input, old_str: 'bb', new_str: 'bbb' }, { callId }),
    ).rejects.toThrow(ClaimTakenError);
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(strReplaceTool.recover?.(record, input)).toEqual(first);
    expect((await bench.read('once.txt')).toString()).toBe('a bb c');
  });

  test('replaces as many as are expected, or nothing', async () => {
    await bench.write('counted.txt', 'x = 1\ny = x\nz = x\n');
    const input = { path: 'counted.txt', old_str: 'x', new_str: 'w' };
    expect(await bench.call(strReplaceTool, { ...input, expected_count: 2 })).toEqual({
      outcome: 'error',
      message:
        'old_str occurs 3 times in counted.txt, at lines 1, 2 and 3, not 2 times as expected; nothing was changed.',
    });
    expect(await bench.call(strReplaceTool, { ...input, expected_count: 3 })).toMatchObject({
      output: { replacements: 3 },
    });
    expect((await bench.read('counted.txt')).toString()).toBe('w = 1\ny = w\nz = w\n');
  });

  test('says which characters a Latin-1 file cannot hold', async () => {
    await bench.write('latin.txt', Buffer.from('Z\u00fcrich: 1\n', 'latin1'));
    const input = { path: 'latin.txt', old_str: 'Zürich', new_str: 'Zürich €' };
    expect(await bench.call(strReplaceTool, input)).toMatchInlineSnapshot(`
      {
        "message": "latin.txt is not UTF-8 but Latin-1 there, which has no €; nothing was changed. Use characters that Latin-1 has, or convert the file to UTF-8 first (iconv in shell).",
        "outcome": "error",
      }
    `);
    expect((await bench.read('latin.txt')).toString('latin1')).toBe('Z\u00fcrich: 1\n');
  });

  test(
    'keeps every byte that is not replaced, whatever kind of file it is',
    { timeout: 180_000 },
    async () => {
      const line = fc.string({ unit: fc.constantFrom('a', 'ü', '\t', ' ', '漢'), maxLength: 12 });
      const file = fc.record({
        longest: fc.constantFrom(0, 0, 0, 2_000_000),
        lines: fc.array(line, { maxLength: 5 }),
        at: fc.nat(5),
        end: fc.constantFrom('\n', '\r\n'),
        hasMark: fc.boolean(),
        hasLastEnd: fc.boolean(),
        isLatin: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(file, async ({ longest, lines, at, end, hasMark, hasLastEnd, isLatin }) => {
          const all = ['x'.repeat(longest), ...lines];
          const plain = isLatin ? all.map((text) => text.replaceAll('漢', 'ß')) : all;
          const contentWith = (...middle: string[]): Buffer => {
            const text =
              [...plain.slice(0, at), ...middle, ...plain.slice(at)].join(end) + (hasLastEnd ? end : '');
            return isLatin
              ? Buffer.from(`\u00e4${text}`, 'latin1')
              : Buffer.from(`${hasMark ? '\ufeff' : ''}${text}`);
          };
          const path = `any-${randomUUID()}.txt`;
          await bench.write(path, contentWith('\tfirst ä', 'second'));
          const input = { path, old_str: '\tfirst ä\nsecond', new_str: '\tone ö\n\ntwo' };
          expect(await bench.call(strReplaceTool, input)).toMatchObject({
            outcome: 'ok',
            output: { replacements: 1 },
          });
          expect((await bench.read(path)).equals(contentWith('\tone ö', '', 'two'))).toBe(true);
        }),
        { numRuns: 10 },
      );
    },
  );

  test('refuses binary files and replacements that change nothing', async () => {
    await bench.write('data.bin', Buffer.from([1, 0, 2]));
    expect(await bench.call(strReplaceTool, { path: 'data.bin', old_str: 'a', new_str: 'b' })).toMatchObject({
      message: 'data.bin is a binary file, not text. Nothing was changed.',
    });
    expect(await bench.call(strReplaceTool, { path: 'data.bin', old_str: 'a', new_str: 'a' })).toMatchObject({
      outcome: 'error',
    });
  });
});

describe('the guard against stale edits', () => {
  const edit = { path: 'shared.txt', old_str: 'two', new_str: 'TWO' };
  const stale =
    'shared.txt has changed since you last read or wrote it here: a command, another conversation or a person did it. Nothing was changed. Read it again, then decide.';
  const read = (threadId: string) => bench.call(readFileTool, { path: 'shared.txt' }, { threadId });
  const replace = (threadId: string) => bench.call(strReplaceTool, edit, { threadId });

  test('refuses to edit and to overwrite what another thread or a command has changed, until it is read again', async () => {
    await bench.write('shared.txt', 'one\ntwo\n');
    await read('thread-a');
    await read('thread-b');
    await bench.call(strReplaceTool, { ...edit, old_str: 'one', new_str: 'ONE' }, { threadId: 'thread-b' });
    expect(await replace('thread-a')).toEqual({ outcome: 'error', message: stale });
    const whole = { path: 'shared.txt', content: 'mine\n' };
    expect(await bench.call(writeFileTool, whole, { threadId: 'thread-a' })).toEqual({
      outcome: 'error',
      message: stale,
    });
    expect((await bench.read('shared.txt')).toString()).toBe('ONE\ntwo\n');
    await read('thread-a');
    expect(await replace('thread-a')).toMatchObject({ outcome: 'ok' });
    // Its own change counts as seen, the other's does not.
    expect(
      await bench.call(strReplaceTool, { ...edit, old_str: 'TWO', new_str: '2' }, { threadId: 'thread-a' }),
    ).toMatchObject({ outcome: 'ok' });
    expect(
      await bench.call(strReplaceTool, { ...edit, old_str: '2', new_str: '3' }, { threadId: 'thread-b' }),
    ).toEqual({ outcome: 'error', message: stale });
    await bench.call(shellTool, { command: 'echo more >> shared.txt' });
    expect(
      await bench.call(strReplaceTool, { ...edit, old_str: 'ONE', new_str: '1' }, { threadId: 'thread-a' }),
    ).toEqual({ outcome: 'error', message: stale });
  });

  test('lets a thread edit what it never read, and what was written again unchanged', async () => {
    await bench.write('shared.txt', 'one\ntwo\n');
    expect(await replace('thread-c')).toMatchObject({ outcome: 'ok' });
    await bench.call(shellTool, { command: 'cp shared.txt copy && mv copy shared.txt && touch shared.txt' });
    expect(
      await bench.call(strReplaceTool, { ...edit, old_str: 'one', new_str: '1' }, { threadId: 'thread-c' }),
    ).toMatchObject({ outcome: 'ok' });
  });

  test('loses no edit of two threads that come at the same moment', async () => {
    await bench.write('shared.txt', Array.from({ length: 12 }, (_, index) => `line ${index};\n`).join(''));
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) =>
        bench.call(
          strReplaceTool,
          { path: 'shared.txt', old_str: `line ${index};`, new_str: `done ${index};` },
          { threadId: `thread-${index}` },
        ),
      ),
    );
    const done = results.filter(
      (result) => result.status === 'fulfilled' && result.value.outcome === 'ok',
    ).length;
    const text = (await bench.read('shared.txt')).toString();
    expect(text.match(/done/g)?.length).toBe(done);
    expect(done).toBeGreaterThan(0);
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refusals).toEqual(refusals.map(() => expect.objectContaining({ code: 'conflict' })));
  });
});
