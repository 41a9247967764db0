import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainMiss } from './near-miss.ts';

const source = [
  'export function total(rows) {',
  '\tlet sum = 0;',
  '\tfor (const row of rows) {',
  '\t\tsum += row.amount;',
  '\t}',
  '\treturn sum;   ',
  '}',
  '',
  'const title = “Sales”;',
].join('\n');

// What the model reads is an interface: a change of these texts is reviewed as one.
describe('the explanation of a miss', () => {
  test('names tabs that were given as spaces', () => {
    expect(explainMiss(source, '    for (const row of rows) {\n        sum += row.amount;'))
      .toMatchInlineSnapshot(`
      "Only whitespace differs at line 3. Line 3 begins with 1 tab, in old_str with 4 spaces. Line 4 begins with 2 tabs, in old_str with 8 spaces. The file has:
           3		for (const row of rows) {
           4			sum += row.amount;"
    `);
  });

  test('names whitespace at the end of a line', () => {
    expect(explainMiss(source, '\treturn sum;\n}')).toMatchInlineSnapshot(`
      "Only whitespace differs at line 6. Line 6 ends with 3 spaces, in old_str with no whitespace. The file has:
           6		return sum;   
           7	}"
    `);
  });

  test('names letter case', () => {
    expect(explainMiss(source, 'let SUM = 0;')).toMatchInlineSnapshot(`
      "Only upper and lower case differ at line 2. The file has:
           2		let sum = 0;"
    `);
  });

  test('names characters that look alike', () => {
    expect(explainMiss(source, 'const title = "Sales";')).toMatchInlineSnapshot(`
      "Only characters that look alike differ (typographic quotes, dashes, special spaces) at line 9. The file has:
           9	const title = “Sales”;"
    `);
  });

  test('recognises copied line numbers', () => {
    expect(
      explainMiss(source, '     1\texport function total(rows) {\n     2\t\tlet sum = 0;'),
    ).toMatchInlineSnapshot(
      `"old_str holds the line numbers of read_file. Leave out the numbers and the tab after them."`,
    );
  });

  test('recognises what was escaped once too often', () => {
    expect(explainMiss(source, String.raw`let sum = 0;\n\tfor (const`)).toMatchInlineSnapshot(
      `"old_str is escaped once too often: the file has real line breaks, tabs or quotes where old_str has a backslash and a letter (\\n, \\t, \\"). Give them as they are."`,
    );
  });

  test('shows the most similar lines', () => {
    expect(explainMiss(source, '\tfor (const entry of rows) {\n\t\tsum += entry.amount;\n\t}'))
      .toMatchInlineSnapshot(`
      "The most similar text is at line 3:
           3		for (const row of rows) {
           4			sum += row.amount;
           5		}"
    `);
  });

  test('says when nothing is similar', () => {
    expect(explainMiss(source, 'SELECT * FROM orders WHERE id = 7')).toMatchInlineSnapshot(
      `"Nothing in the file resembles it. Read the file again before you edit it."`,
    );
  });

  test('is found in a file with CRLF', () => {
    expect(explainMiss('a\r\n\tb = 1\r\nc\r\n', '  b = 1')).toContain(
      'Line 2 begins with 1 tab, in old_str with 2 spaces.',
    );
  });

  test('names the line ends of a file that mixes both kinds', () => {
    expect(explainMiss('a\nb\r\nc\nd\n', 'b\nc\nd')).toMatchInlineSnapshot(
      `"Only line ends differ: the file mixes both kinds and has CRLF (\\r\\n) at the end of line 2 there. Give \\r\\n for these and \\n for the others."`,
    );
    expect(explainMiss('a\nb\nc\n', 'a\r\nb')).toMatchInlineSnapshot(
      `"Only line ends differ: the file has LF (\\n) there, old_str has CRLF (\\r\\n)."`,
    );
  });

  test('comes for any two texts, short and without an error', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', ' ', '\t', '\n', '\\', 'n', '"', '1'),
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, text, (content, oldText) => {
        const said = explainMiss(content, oldText);
        expect(said.length).toBeGreaterThan(0);
        expect(said.length).toBeLessThan(8000);
      }),
    );
  });

  test('a change of whitespace alone is always recognised as one', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '='), minLength: 1, maxLength: 6 });
    const lines = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), word, word), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(lines, (block) => {
        const tabbed = block.map(([depth, one, two]) => `${'\t'.repeat(depth)}${one} ${two}`).join('\n');
        const spaced = block.map(([depth, one, two]) => `${'  '.repeat(depth + 1)}${one} ${two}`).join('\n');
        expect(explainMiss(`head\n${tabbed}\ntail`, spaced)).toMatch(/^Only whitespace differs at line/);
      }),
    );
  });

  test('of a large file comes within bounds', () => {
    const large = Array.from({ length: 200_000 }, (_, index) => `line number ${index} of the file`).join(
      '\n',
    );
    expect(explainMiss(large, 'line nummber 777 off the file')).toContain('The most similar text is at line');
    expect(explainMiss(large, 'SELECT 1')).toMatchInlineSnapshot(
      `"Nothing in the first 10000 lines resembles it, and further ones were not compared. Search it with grep."`,
    );
  });
});
