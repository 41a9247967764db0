import type { ToolResult } from '@switchyard/agent';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileTool } from '../src/read-file.ts';
import { shellTool } from '../src/shell.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;

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
    expect(await bench.call(readFileTool, { path: 'line.txt' })).toMatchObject({
      output: expect.stringMatching(/^\[line\.txt: line 1; .*go on with offset 2\]\n *1\thead$/) as string,
    });
    expect(await bench.call(readFileTool, { path: 'line.txt', offset: 2 })).toEqual({
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

  test('ends a page above a line whose end is far, and re-joins many long lines', async () => {
    const lines = Array.from({ length: 12 }, (_, index) => `${index} ${'x'.repeat(2_000_000)}\n`);
    const content = lines.join('');
    await bench.write('long.txt', content);
    const pages: string[] = [];
    for (let offset: number | null = 1; offset !== null;) {
      const result: ToolResult = await bench.call(readFileTool, { path: 'long.txt', offset });
      if (result.outcome !== 'ok') throw new Error(result.message);
      const [head = '', ...shown]: string[] = (result.output as string).split('\n');
      pages.push(...shown.map((line) => line.trim().split(/[\t ]/, 2).join(' ')));
      offset = Number(/go on with offset (\d+)/.exec(head)?.[1] ?? 0) || null;
    }
    expect(pages).toEqual(lines.map((_, index) => `${index + 1} ${index}`));
    expect(await bench.call(readFileTool, { path: 'long.txt', offset: -3, limit: 1 })).toMatchObject({
      outcome: 'ok',
      output: expect.stringMatching(/^.*\n *10\t9 x/) as string,
    });
  });
});
