import { describe, expect, it } from 'vitest';
import { type Inline, parseInline } from './parse-inline.ts';

/** One line for a tree: links as `<url|text>`, emphasis by its marks. */
function show(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case 'text':
          return node.text;
        case 'code':
          return `{${node.text}}`;
        case 'break':
          return '/';
        case 'strong':
          return `**${show(node.children)}**`;
        case 'emphasis':
          return `*${show(node.children)}*`;
        case 'strike':
          return `~~${show(node.children)}~~`;
        case 'link':
          return `<${node.url}|${show(node.children)}>`;
      }
    })
    .join('');
}

describe('a line of Markdown', () => {
  it.each([
    ['a **b** _c_ ~~d~~ `e*f*`', 'a **b** *c* ~~d~~ {e*f*}'],
    ['***both***', '***both***'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
    [String.raw`\*no\* \[no\](x)`, '*no* [no](x)'],
    ['one  \ntwo\nthree', 'one/two\nthree'],
    [
      '[a](https://a.example/) and [b](mailto:b@b.example)',
      '<https://a.example/|a> and <mailto:b@b.example|b>',
    ],
    ['see [1] and [a](https://a.example/)', 'see [1] and <https://a.example/|a>'],
    ['[ ] open [a](https://a.example/)', '[ ] open <https://a.example/|a>'],
    ['**[bold] text** on', '**[bold] text** on'],
    ['[not **closed] here**', '[not **closed] here**'],
    ['see https://a.example/b_c_d.', 'see <https://a.example/b_c_d|https://a.example/b_c_d>.'],
    ['<https://a.example>', '<https://a.example/|https://a.example>'],
    ['![alt](https://a.example/x.png)', '<https://a.example/x.png|alt>'],
  ])('%s', (text, expected) => {
    expect(show(parseInline(text))).toBe(expected);
  });

  it.each([
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](\u0001javascript:alert(1))',
    '[a](data:text/html,x)',
    '[a](vbscript:x)',
    '[a](file:///etc/passwd)',
    '[a](//host.example)',
    '[a](/v1/me)',
    '[a](https://bank.example@evil.example/)',
    '![a](javascript:alert(1))',
    '<javascript:alert(1)>',
  ])('leads nowhere: %s', (text) => {
    expect(JSON.stringify(parseInline(text))).not.toContain('"link"');
  });

  it('takes linear time for texts that are made to take long', () => {
    const best = (text: string) => {
      const times = Array.from({ length: 3 }, () => {
        const startedAt = performance.now();
        parseInline(text);
        return performance.now() - startedAt;
      });
      return Math.min(...times);
    };
    for (const piece of [
      '[',
      '*a ',
      '_a*',
      '`',
      '[a](',
      '![',
      '<https://',
      '**a_b ',
      '[a] ',
      '~~',
      'https://%%%%%%........a ',
    ]) {
      const short = Math.max(0.5, best(piece.repeat(2000)));
      // 16 times as long; quadratic would be 256 times.
      expect(best(piece.repeat(32_000)) / short, piece).toBeLessThan(100);
    }
    for (const [before, after] of [
      ['[a](', 'x'],
      ['` ', 'a`'],
      ['https://%.', 'a'],
    ] as const) {
      const short = Math.max(0.5, best(before + ' '.repeat(2000) + after));
      expect(best(before + ' '.repeat(32_000) + after) / short, before).toBeLessThan(100);
    }
  });

  it('takes any number of breaks inside marks that have no end', () => {
    expect(parseInline(`*${'\\\n'.repeat(200_000)}`)).toHaveLength(200_001);
  });
});
