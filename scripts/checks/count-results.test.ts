import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countResults, countTests, summarize } from './count-results.ts';

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((status) => ({ status })),
});

test('passed, failed and skipped tests are counted over all files', () => {
  const result = {
    testResults: [file('passed', 'passed', 'pending', 'todo'), file('failed', 'failed', 'passed')],
  };
  expect(countTests(result)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that could not be loaded is a failure, though it has no test', () => {
  expect(countTests({ testResults: [file('failed')] })).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

async function writeResult(result: unknown): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'switchyard-counts-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const resultFile = path.join(directory, 'unit.json');
  await writeFile(resultFile, JSON.stringify(result));
  return resultFile;
}

test('a runner that fails without a failed test is a failure', async () => {
  const resultFile = await writeResult({ testResults: [file('passed', 'passed')] });
  const startedAfter = Date.now() - 60_000;
  expect(await countResults({ resultFile, exitCode: 0, startedAfter })).toEqual({
    passed: 1,
    failed: 0,
    skipped: 0,
  });
  expect(await countResults({ resultFile, exitCode: 1, startedAfter })).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
  expect(await countResults({ resultFile, exitCode: null, startedAfter })).toMatchObject({ failed: 1 });
});

test('a missing result and one of a former run are failures', async () => {
  const resultFile = await writeResult({ testResults: [file('passed', 'passed')] });
  await utimes(resultFile, new Date(0), new Date(0));
  const startedAfter = Date.now();
  expect(await countResults({ resultFile, exitCode: 0, startedAfter })).toMatchObject({
    passed: 0,
    failed: 1,
  });
  const missing = `${resultFile}.missing`;
  expect(await countResults({ resultFile: missing, exitCode: 0, startedAfter })).toMatchObject({ failed: 1 });
});

test('a kind that ran no test is not good', () => {
  const good = { passed: 3, failed: 0, skipped: 1 };
  const none = { passed: 0, failed: 0, skipped: 2 };
  expect(summarize(new Map([['unit', good]])).isGood).toBe(true);
  const both = summarize(new Map([['unit', good] as const, ['integration', none] as const]));
  expect(both.isGood).toBe(false);
  expect(both.lines[1]).toContain('no test ran');
});
