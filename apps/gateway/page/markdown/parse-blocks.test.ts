import { expect, it } from 'vitest';
import { parseBlocks } from './parse-blocks.ts';

const kindsOf = (text: string) => parseBlocks(text).map(({ block }) => block.kind);

it('tells blocks apart', () => {
  const text =
    '# Title\n\nwords\nmore\n\n- a\n- b\n\n1. c\n\n> d\n\n| x |\n|---|\n| 1 |\n\n---\n\n```js\ne\n```\n';
  expect(kindsOf(text)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'table', 'rule', 'code']);
});

it('reads an unfinished block of code as code to its end', () => {
  expect(parseBlocks('```html\n<script>\n\n# no title').map(({ block }) => block)).toMatchObject([
    { kind: 'code', language: 'html', text: '<script>\n\n# no title' },
  ]);
});

it('knows no markup: HTML is a paragraph', () => {
  expect(kindsOf('<script>\nalert(1)\n</script>')).toEqual(['paragraph']);
});

it('says where each block begins, so that reading can go on there', () => {
  const text = 'one\n\n## two\n\n- three\n';
  for (const { block, start } of parseBlocks(text)) {
    expect(parseBlocks(text.slice(start))[0]?.block).toEqual(block);
  }
});

it('bounds the depth of quotes and lists in quotes', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  expect(depthOf(parseBlocks('> '.repeat(3000) + 'end'))).toBeLessThan(200);
  expect(depthOf(parseBlocks('- '.repeat(3000) + 'end'))).toBeLessThan(200);
});

it('reads texts whose lines end as on Windows', () => {
  const text = '# Title\n\n- a\n- [x] b\n\n```js\nx\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\nafter';
  const windows = parseBlocks(text.replaceAll('\n', '\r\n'));
  expect(windows.map(({ block }) => block)).toEqual(parseBlocks(text).map(({ block }) => block));
  expect(windows.map(({ block }) => block.kind)).toEqual(['heading', 'list', 'code', 'table', 'paragraph']);
});

it('reads headings with and without closing marks', () => {
  const texts = ['# a', '## a ##', '# a#', '#', '# #', '### a b ###  ', '#no'];
  expect(texts.map((text) => parseBlocks(text)[0]?.block)).toMatchObject([
    { kind: 'heading', level: 1, text: 'a' },
    { kind: 'heading', level: 2, text: 'a' },
    { kind: 'heading', level: 1, text: 'a#' },
    { kind: 'heading', level: 1, text: '' },
    { kind: 'heading', level: 1, text: '' },
    { kind: 'heading', level: 3, text: 'a b' },
    { kind: 'paragraph', text: '#no' },
  ]);
});

it('makes no more cells than a table has text for', () => {
  const table = `${'|a'.repeat(500)}\n${'|-'.repeat(500)}\n${'a\n'.repeat(500)}`;
  const [placed] = parseBlocks(table);
  if (placed?.block.kind !== 'table') throw new Error('It is no table.');
  expect(placed.block.rows.flat()).toHaveLength(500);
});

it('takes linear time for lines that are made to take long', () => {
  const lines: Readonly<Record<string, (spaces: string) => string>> = {
    heading: (spaces) => `# ${spaces}\r x`,
    'closed heading': (spaces) => `# a${spaces}#x`,
    fence: (spaces) => `\`\`\`${spaces}\``,
    item: (spaces) => `- ${spaces}\r x`,
    rule: (spaces) => `***${spaces}x`,
    delimiter: (spaces) => `a|b\n-${spaces}x`,
    underline: (spaces) => `a\n=${spaces}x`,
    task: (spaces) => `- [ ]${spaces}\r x`,
  };
  const best = (text: string) =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const startedAt = performance.now();
        parseBlocks(text);
        return performance.now() - startedAt;
      }),
    );
  for (const [name, line] of Object.entries(lines)) {
    const short = Math.max(0.5, best(line(' '.repeat(2000))));
    // 16 times as long; quadratic would be 256 times.
    expect(best(line(' '.repeat(32_000))) / short, name).toBeLessThan(100);
  }
});
