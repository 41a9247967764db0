import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Row {
  readonly number: number;
  readonly files: readonly string[];
  readonly tests: readonly string[];
}

/** The rows of ARCHITECTURE.md's table "What the old system got wrong": number, finding, answer, file, test. */
function parseRows(markdown: string): Row[] {
  const section = markdown.split('## What the old system got wrong')[1] ?? '';
  return section
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
    .map((line) => {
      const cells = line.split('|').slice(1, -1);
      const paths = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
      return { number: Number(cells[0]), files: paths(cells[3]), tests: paths(cells[4]) };
    });
}

describe('the table of findings in ARCHITECTURE.md', () => {
  it('has one row for each of the 34 findings, in order', async () => {
    const rows = parseRows(await readFile(join(root, 'ARCHITECTURE.md'), 'utf8'));
    expect(rows.map((row) => row.number)).toEqual(Array.from({ length: 34 }, (_, index) => index + 1));
  });

  it('names only files that exist, and a test wherever it claims one', async () => {
    const rows = parseRows(await readFile(join(root, 'ARCHITECTURE.md'), 'utf8'));
    for (const row of rows) {
      for (const path of [...row.files, ...row.tests]) {
        await expect(access(join(root, path)), `finding ${row.number}: ${path}`).resolves.toBeUndefined();
      }
      for (const test of row.tests) expect(test, `finding ${row.number}`).toMatch(/\.test\.ts$/);
    }
  });
});
