import { randomUUID } from 'node:crypto';
import { ClaimTakenError } from '@switchyard/sandbox';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listFilesTool } from '../src/list-files.ts';
import { readFileTool } from '../src/read-file.ts';
import { shellTool } from '../src/shell.ts';
import { strReplaceTool } from '../src/str-replace.ts';
import { todoTool } from '../src/todo.ts';
import { writeFileTool } from '../src/write-file.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

/** The file as its pages say it is: texts, line ends, byte order mark and encoding. */
async function readAgain(path: string, limit: number): Promise<Buffer> {
  const call = async (more: { offset: number; limit?: number; column?: number }) => {
    const result = await bench.call(readFileTool, { path, ...more });
    if (result.outcome !== 'ok') throw new Error(result.message);
    const [head = '', ...rest] = (result.output as string).split('\n');
    return { head, body: rest.join('\n') };
  };
  const pieces: Buffer[] = [];
  for (let offset: number | null = 1; offset !== null;) {
    const { head, body } = await call({ offset, limit });
    if (head.includes('empty')) break;
    const encode = (text: string, from: string) =>
      Buffer.from(text, from.includes('Latin-1') ? 'latin1' : 'utf8');
    if (head.includes('begins with a byte order mark')) pieces.push(Buffer.from('\ufeff'));
    const shown = body.split(/\n(?= *\d+\t)/).map((line) => line.replace(/^ *\d+\t/, ''));
    for (const [index, text] of shown.entries()) {
      const isUnended = index === shown.length - 1 && head.includes('no line end after the last line');
      const cut = / \[… \d+ more bytes in this line: go on with offset (\d+) and column (\d+)\]$/.exec(text);
      if (!cut) {
        const isCrlf = head.includes('CRLF line ends') || text.endsWith('␍');
        pieces.push(
          encode(text.replace(/␍$/, ''), head),
          Buffer.from(isUnended ? '' : isCrlf ? '\r\n' : '\n'),
        );
        continue;
      }
      pieces.push(encode(text.slice(0, cut.index), head));
      for (let column: number | null = Number(cut[2]); column !== null;) {
        const part = await call({ offset: Number(cut[1]), column });
        pieces.push(encode(part.body.replace(/^ *\d+\t/, ''), part.head));
        column = Number(/the line goes on: column (\d+)/.exec(part.head)?.[1] ?? 0) || null;
        if (column === null && !part.head.includes('no line end'))
          pieces.push(Buffer.from(part.head.includes('CRLF line end') ? '\r\n' : '\n'));
      }
    }
    offset = Number(/go on with offset (\d+)/.exec(head)?.[1] ?? 0) || null;
  }
  return Buffer.concat(pieces);
}

const inspect = (callId: string) =>
  bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });

describe('write_file', () => {
  test('makes folders and says whether the file is new', async () => {
    const input = { path: 'new/folder/über.txt', content: 'Grüße\n' };
    expect(await bench.call(writeFileTool, input)).toEqual({
      outcome: 'ok',
      output: { path: 'new/folder/über.txt', outcome: 'created', bytes: 8 },
    });
    expect(await bench.call(writeFileTool, { ...input, content: '' })).toMatchObject({
      output: { outcome: 'overwritten', bytes: 0 },
    });
    expect(await bench.read('new/folder/über.txt')).toHaveLength(0);
  });

  test('puts a large file in place whole', async () => {
    const content = 'line of a large file\n'.repeat(40_000);
    await bench.call(writeFileTool, { path: 'large.txt', content });
    expect((await bench.read('large.txt')).toString()).toBe(content);
  });

  test('says what the old content had that the new one has not', async () => {
    await bench.write('dos.txt', '\ufeffone\r\ntwo\r\n');
    expect(await bench.call(writeFileTool, { path: 'dos.txt', content: 'one\n' })).toEqual({
      outcome: 'ok',
      output: {
        path: 'dos.txt',
        outcome: 'overwritten',
        bytes: 4,
        note: 'The old content had CRLF line ends and a byte order mark; the new one has not.',
      },
    });
  });

  test('recovers its own result from the claim, and refuses a second try', async () => {
    const callId = randomUUID();
    const input = { path: 'claimed.txt', content: 'first' };
    const first = await bench.call(writeFileTool, input, { callId });
    await expect(bench.call(writeFileTool, { ...input, content: 'second' }, { callId })).rejects.toThrow(
      ClaimTakenError,
    );
    expect((await bench.read('claimed.txt')).toString()).toBe('first');
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, input)).toEqual(first);
  });

  test('leaves the workspace by no path, and says what stands in the way', async () => {
    await expect(bench.call(writeFileTool, { path: '../x', content: '' })).rejects.toThrow(
      'leaves the workspace',
    );
    await bench.write('a-file', 'x');
    const callId = randomUUID();
    const blocked = { path: 'a-file/below', content: '' };
    await expect(bench.call(writeFileTool, blocked, { callId })).rejects.toThrow(
      'The folder of a-file/below cannot be made.',
    );
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(writeFileTool.recover?.(record, blocked)).toEqual({
      outcome: 'error',
      message: 'The folder of a-file/below cannot be made.',
    });
  });
});

describe('read_file', () => {
  test('gives lines with numbers, and the offset to go on with', async () => {
    await bench.write(
      'numbers.txt',
      Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join(''),
    );
    expect(await bench.call(readFileTool, { path: 'numbers.txt', offset: 9, limit: 2 })).toEqual({
      outcome: 'ok',
      output:
        '[numbers.txt: lines 9-10; 231 bytes; more follows: go on with offset 11]\n     9\tline 9\n    10\tline 10',
    });
    expect(await bench.call(readFileTool, { path: '/workspace/numbers.txt', offset: 29 })).toMatchObject({
      output: '[/workspace/numbers.txt: lines 29-30 of 30; 231 bytes]\n    29\tline 29\n    30\tline 30',
    });
  });

  test('names what is special about a file', async () => {
    await bench.write('special.csv', Buffer.from('\ufeffa;b\r\n1;2', 'utf8'));
    expect(await bench.call(readFileTool, { path: 'special.csv' })).toMatchObject({
      output:
        '[special.csv: lines 1-2 of 2; 11 bytes; no line end after the last line; CRLF line ends; begins with a byte order mark]\n     1\ta;b\n     2\t1;2',
    });
    await bench.write('empty.txt', '');
    expect(await bench.call(readFileTool, { path: 'empty.txt' })).toMatchObject({
      output: '[empty.txt: empty, 0 bytes]',
    });
  });

  test('reads far into a large file', async () => {
    await bench.call(shellTool, {
      command: 'seq 1 5000000 > long.txt; printf last >> long.txt; cp long.txt "it\'s"',
    });
    const last = '5000000\t5000000\n5000001\tlast';
    expect(await bench.call(readFileTool, { path: 'long.txt', offset: 5_000_000 })).toMatchObject({
      output: `[long.txt: lines 5000000-5000001 of 5000001; 38888900 bytes; no line end after the last line]\n${last}`,
    });
    expect(await bench.call(readFileTool, { path: "it's", offset: 4_000_000, limit: 1 })).toMatchObject({
      output:
        "[it's: line 4000000; 38888900 bytes; more follows: go on with offset 4000001]\n4000000\t4000000",
    });
    expect(await bench.call(readFileTool, { path: 'long.txt', offset: 5_000_002 })).toEqual({
      outcome: 'error',
      message:
        'long.txt has 5000001 lines; there is no line 5000002. Read with an offset from 1 to 5000001, or a negative one from the end.',
    });
  });

  test('goes on over the edge of the first piece, and gives up on a line without end', async () => {
    await bench.call(shellTool, {
      command: 'seq 1 100000 > edge.txt; (echo head; head -c 20000000 /dev/zero | tr "\\0" x) > line.txt',
    });
    expect(await bench.call(readFileTool, { path: 'edge.txt', offset: 43_000, limit: 2000 })).toMatchObject({
      output: expect.stringMatching(/^\[edge\.txt: lines 43000-44999; .*\n 44999\t44999$/s),
    });
    expect(await bench.call(readFileTool, { path: 'line.txt' })).toEqual({
      outcome: 'error',
      message:
        'line.txt (20000005 bytes) has a line of more than 16 MiB there. Read pieces of it with column, or use shell, for example cut -c or head -c.',
    });
  });

  test('reads the last lines, of a large file too', async () => {
    await bench.call(shellTool, {
      command: 'seq 1 30 > few.txt; seq 1 400000 > lots.txt; printf unended >> lots.txt; : > none.txt',
    });
    const last = async (path: string, offset: number, limit = 500) => {
      const result = await bench.call(readFileTool, { path, offset, limit });
      return result.outcome === 'ok' ? (result.output as string).replaceAll(/\n */g, '|') : result.message;
    };
    expect(await last('few.txt', -2)).toBe('[few.txt: lines 29-30 of 30; 81 bytes]|29\t29|30\t30');
    expect(await last('few.txt', -500, 1)).toBe(
      '[few.txt: line 1; 81 bytes; more follows: go on with offset 2]|1\t1',
    );
    expect(await last('lots.txt', -2)).toBe(
      '[lots.txt: lines 400000-400001 of 400001; 2688902 bytes; no line end after the last line]|400000\t400000|400001\tunended',
    );
    expect(await last('lots.txt', -400_000, 1)).toBe(
      '[lots.txt: line 2; 2688902 bytes; more follows: go on with offset 3]|2\t2',
    );
    expect(await last('none.txt', -5)).toBe('[none.txt: empty, 0 bytes]');
    expect(await last('few.txt', 0)).toBe('Lines count from 1: there is no line 0.');
  });

  test('reads on in a line that was cut', async () => {
    await bench.call(shellTool, {
      command: `(echo short; for i in $(seq 30000); do printf 'wörd%05d ' $i; done; echo; echo end) > long-line.txt`,
    });
    const headOf = async (more: { offset?: number; column?: number }) => {
      const result = await bench.call(readFileTool, { path: 'long-line.txt', ...more });
      return result.outcome === 'ok' ? (result.output as string).split('\n') : [result.message];
    };
    const [, , cut] = await headOf({});
    expect(cut?.slice(-90)).toMatch(
      /\[… 328000 more bytes in this line: go on with offset 2 and column 2001\]$/,
    );
    const next = { path: 'long-line.txt', offset: 2, column: 2001 };
    const [head, part] = await headOf(next);
    expect(head).toBe(
      '[long-line.txt: line 2 from byte 2001 to 51151; 330011 bytes; the line goes on: column 51152]',
    );
    expect(part?.slice(0, 30)).toBe('     2\t2 wörd00183 wörd00184 w');
    expect(await bench.call(readFileTool, { ...next, column: 329_990 })).toMatchObject({
      output: '[long-line.txt: line 2 from byte 329990 to its end; 330011 bytes]\n     2\twörd30000 ',
    });
    expect(await bench.call(readFileTool, { ...next, column: 330_001 })).toEqual({
      outcome: 'error',
      message: 'Line 2 of long-line.txt has no byte 330001: it ends before.',
    });
    expect(await bench.call(readFileTool, { ...next, offset: -1, column: 2 })).toMatchObject({
      output: '[long-line.txt: line 3 from byte 2 to its end; 330011 bytes]\n     3\tnd',
    });
  });

  test(
    'read page by page and cut by cut gives the file again, whatever it is',
    { timeout: 180_000 },
    async () => {
      const line = fc.oneof(
        fc.string({ unit: fc.constantFrom('a', 'é', '漢', '\t', ' ', '\r'), maxLength: 12 }),
        fc.constantFrom('é'.repeat(1500), `${'x'.repeat(1999)}漢`, 'y'.repeat(60_000)),
      );
      const file = fc.record({
        lines: fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { minLength: 1, maxLength: 12 }),
        hasMark: fc.boolean(),
        hasLastEnd: fc.boolean(),
        isLatin: fc.boolean(),
        limit: fc.integer({ min: 1, max: 5 }),
      });
      const files = [
        ...fc.sample(file, 8),
        {
          lines: [
            ['é'.repeat(1_000_000), '\n'],
            ['end', '\n'],
          ] as [string, string][],
          hasMark: true,
          hasLastEnd: true,
          isLatin: false,
          limit: 5,
        },
      ];
      for (const [index, { lines, hasMark, hasLastEnd, isLatin, limit }] of files.entries()) {
        const text = lines.map(([body, end]) => body + end).join('');
        const whole = hasLastEnd ? text : text.replace(/\r?\n$/, '');
        const content = isLatin
          ? Buffer.from(whole.replaceAll('漢', 'ß'), 'latin1')
          : Buffer.from(`${hasMark ? '\ufeff' : ''}${whole}`);
        const path = `pages/${index}`;
        await bench.write(path, content);
        expect(
          (await readAgain(path, limit)).equals(content),
          JSON.stringify({ index, whole: whole.slice(0, 300) }),
        ).toBe(true);
      }
    },
  );

  test('refuses what is not text, not there, or beyond the end', async () => {
    await bench.write('picture.png', Buffer.from('\u0089PNG\r\n\u001a\n\u0000\u0000', 'latin1'));
    expect(await bench.call(readFileTool, { path: 'picture.png' })).toMatchInlineSnapshot(`
      {
        "message": "picture.png (10 bytes) is a PNG image; read_file shows text only. Look at it with a tool that shows pictures, if there is one, or find out about it with a script in shell.",
        "outcome": "error",
      }
    `);
    await bench.write('short.txt', 'one\ntwo\n');
    expect(await bench.call(readFileTool, { path: 'short.txt', offset: 7 })).toMatchInlineSnapshot(`
      {
        "message": "short.txt has 2 lines; there is no line 7. Read with an offset from 1 to 2, or a negative one from the end.",
        "outcome": "error",
      }
    `);
    await expect(bench.call(readFileTool, { path: 'nowhere.txt' })).rejects.toThrow(
      'nowhere.txt does not exist.',
    );
    await expect(bench.call(readFileTool, { path: '/etc/passwd' })).rejects.toThrow('not below /workspace');
  });
});

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

describe('list_files', () => {
  test('lists a folder, deeper when asked', async () => {
    await bench.call(shellTool, {
      command: `mkdir -p listed/sub/deep; cd listed; printf abc > b.txt; printf x > .hidden; printf y > sub/c.txt; ln -s b.txt link; touch "two
lines"`,
    });
    expect(await bench.call(listFilesTool, { path: 'listed' })).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": "[listed: 5 entries]
      listed/.hidden  1
      listed/b.txt  3
      listed/link@
      listed/sub/
      "listed/two\\nlines"  0",
      }
    `);
    expect(await bench.call(listFilesTool, { path: 'listed', depth: 2 })).toMatchInlineSnapshot(`
      {
        "outcome": "ok",
        "output": "[listed, 2 levels: 7 entries]
      listed/.hidden  1
      listed/b.txt  3
      listed/link@
      listed/sub/
      listed/sub/c.txt  1
      listed/sub/deep/
      "listed/two\\nlines"  0",
      }
    `);
    await expect(bench.call(listFilesTool, { path: 'listed/none' })).rejects.toThrow('does not exist');
  });

  test('says that there is more than it lists', async () => {
    await bench.call(shellTool, { command: 'mkdir /workspace/crowd; cd /workspace/crowd; touch $(seq 1 600)' });
    const result = await bench.call(listFilesTool, { path: 'crowd' });
    if (result.outcome !== 'ok') throw new Error(result.message);
    const lines = (result.output as string).split('\n');
    expect(lines).toHaveLength(501);
    expect(lines[0]).toBe(
      '[crowd: the first 500 entries, there are more: list a folder below it, or use glob]',
    );
  });
});

test('todo mirrors the plan into the running sandbox', async () => {
  await bench.call(todoTool, { todos: [{ text: 'Plan', status: 'in-progress' }] });
  expect((await bench.read('todo.md')).toString()).toBe('# Todo\n\n- [~] Plan\n');
});
