import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTerminalText, terminalText } from './terminal-text.ts';

const escape = '\u001b';

describe('the text of a terminal', () => {
  test.each([
    ['plain text stays as it is', 'a\tb\n\n  c  \nd', 'a\tb\n\n  c  \nd'],
    ['colours are dropped', `${escape}[1;31mred${escape}[0m ${escape}[38;5;200mpink${escape}[m`, 'red pink'],
    ['line ends of other systems become line feeds', 'one  \r\ntwo\r\n', 'one  \ntwo\n'],
    ['a progress bar shows its last state', ' 10%\r 50%\r100%\ndone\n', '100%\ndone\n'],
    ['a shorter text leaves the rest of a longer one', 'downloading\rready\n', 'readyoading\n'],
    ['an erased line is gone', `downloading\r${escape}[Kready\n`, 'ready\n'],
    ['a line erased as a whole is gone', `downloading${escape}[2K\rready\n`, 'ready\n'],
    ['a text that is overwritten by spaces is gone', 'downloading\r           \rok\n', 'ok\n'],
    ['backspaces take back', 'abx\b \bc\n', 'abc\n'],
    ['a manual page is plain', 'N\bNA\bAM\bME\bE _\bx\n', 'NAME x\n'],
    ['a moved cursor writes there', `abcdef${escape}[3Dx${escape}[1Gy\n`, 'ybcxef\n'],
    [
      'titles and links are dropped',
      `${escape}]0;title\u0007${escape}]8;;http://x${escape}\\link\n`,
      'link\n',
    ],
    ['a title that never ends takes no further line', `${escape}]0;title\nnext\n`, '\nnext\n'],
    ['bells and other control characters are dropped', 'a\u0007b\u0000c\u007fd\u0085e\n', 'abcde\n'],
    ['a line return at the end hides nothing', '100%\r', '100%'],
    ['characters beyond the first plane are one', 'x😀y\r12\n', '12y\n'],
    [
      'a text drawn elsewhere on the screen is a line of its own',
      `${escape}[2J${escape}[Ha${escape}[5;9Hb`,
      'a\nb',
    ],
    ['shown and hidden cursors are dropped', `${escape}[?25lbusy${escape}[?25h`, 'busy'],
    ['a screen that is switched is dropped', `${escape}(B${escape}=${escape}[?1049hx`, 'x'],
  ])('%s', (_, written, shown) => {
    expect(terminalText(written)).toBe(shown);
  });

  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.constantFrom(
      '\r',
      '\n',
      '\r\n',
      '\b',
      '\t',
      '\u0007',
      escape,
      `${escape}[`,
      '?25',
      '0',
      ';',
      'K',
      'm',
    ),
    fc.constantFrom(
      `${escape}[K`,
      `${escape}[2K`,
      `${escape}[3D`,
      `${escape}[5C`,
      `${escape}[2G`,
      `${escape}]0;`,
    ),
    fc.constantFrom(`${escape}\\`, '\u009b31m', 'x'.repeat(9_000), '😀'),
  );
  const written = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

  test('is the same wherever what was written is cut into pieces', () => {
    fc.assert(
      fc.property(written, fc.array(fc.nat(60_000), { maxLength: 12 }), (text, cuts) => {
        const characters = Array.from(text);
        const edges = [...new Set(cuts.map((cut) => cut % (characters.length + 1)))].sort((a, b) => a - b);
        const terminal = createTerminalText();
        let shown = '';
        let from = 0;
        for (const edge of [...edges, characters.length]) {
          shown += terminal.push(characters.slice(from, edge).join(''));
          from = edge;
        }
        expect(shown + terminal.finish()).toBe(terminalText(text));
      }),
      { numRuns: 500 },
    );
  });

  test('holds no control character but tabs and line feeds', () => {
    fc.assert(
      fc.property(written, (text) => {
        // oxlint-disable-next-line no-control-regex -- they are what must not be there
        expect(terminalText(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
  });

  test('is what was written where nothing but text was written', () => {
    const plain = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/\p{Cc}/gu, '\n'));
    fc.assert(
      fc.property(plain, (text) => {
        expect(terminalText(text)).toBe(text);
      }),
    );
  });

  test('takes time in proportion to what is drawn over', () => {
    const bar = (index: number): string => `\r${'#'.repeat(index % 100)} ${index}`;
    const drawn = Array.from({ length: 50_000 }, (_, index) => bar(index)).join('');
    const before = process.cpuUsage();
    expect(terminalText(drawn)).toContain('49999');
    // About 0.3 s here.
    expect(process.cpuUsage(before).user).toBeLessThan(10_000_000);
  });
});
