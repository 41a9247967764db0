import { describe, expect, it } from 'vitest';
import { firstWords, titleOfAnswer, wordsOfMessage } from './title.ts';

describe('a title', () => {
  it.each([
    ['"Sales by region."', 'Sales by region'],
    ['**Title: Sales**\nand more', 'Title: Sales'],
    ['Title: Sales\n', 'Sales'],
    ['<think>Hm.\nLong.</think>\n\n# Sales', 'Sales'],
    ['„Umsätze 2025“', 'Umsätze 2025'],
    [' \n"" \n', null],
    ['<think>never ended', null],
  ])('is taken out of the answer %j', (answer, title) => {
    expect(titleOfAnswer(answer)).toBe(title);
  });

  it('is cut at a word, and within one that is too long', () => {
    const cut = firstWords(`Please\n ${'count the words '.repeat(20)}`);
    expect(cut).toMatch(/^Please count the words .*[a-z]…$/);
    expect(cut.length).toBeLessThanOrEqual(80);
    expect(firstWords('x'.repeat(5000))).toBe(`${'x'.repeat(79)}…`);
    expect(firstWords('😀'.repeat(100)).isWellFormed()).toBe(true);
  });

  it('is made of the names of files when nobody wrote a word', () => {
    const file = { name: 'people.csv', mediaType: 'text/csv', size: 1, path: 'uploads/people.csv' };
    const attached = {
      type: 'file',
      mediaType: 'image/png',
      url: '/v1/files/1',
      filename: 'plot.png',
    } as const;
    const parts = [{ type: 'data-file', data: file } as const, attached];
    expect(wordsOfMessage({ id: 'm', role: 'user', parts })).toBe('people.csv, plot.png');
    expect(wordsOfMessage({ id: 'm', role: 'user', parts: [{ type: 'text', text: ' Hi ' }, ...parts] })).toBe(
      'Hi',
    );
    expect(wordsOfMessage({ id: 'm', role: 'user', parts: [] })).toBe('');
  });
});
