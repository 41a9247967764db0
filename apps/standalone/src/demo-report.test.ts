import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { saveReport } from './demo-report.ts';

test('a report never overwrites another, also when several are saved at once', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-report-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'report.md'), 'mine');
  const saved = await Promise.all(['a', 'b', 'c'].map((text) => saveReport(folder, Buffer.from(text))));
  expect(saved.map((file) => path.basename(file)).toSorted()).toEqual([
    'report-2.md',
    'report-3.md',
    'report-4.md',
  ]);
  expect(await readFile(path.join(folder, 'report.md'), 'utf8')).toBe('mine');
  const texts = await Promise.all(saved.map((file) => readFile(file, 'utf8')));
  expect(texts).toEqual(['a', 'b', 'c']);
});
