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
