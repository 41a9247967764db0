import { readFile, stat } from 'node:fs/promises';

/** The kinds of tests, in the order in which they run; each is a project in vitest's configuration. */
export const kinds = ['unit', 'integration', 'end-to-end'] as const;
export type Kind = (typeof kinds)[number];

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

/** What we read of it; the runner's own format is its contract with us. */
interface Result {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Counts what vitest's JSON reporter wrote: a file that failed as a whole (its import, a hook) is one failure more. */
export function countTests(result: Result): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of result.testResults) {
    const failedBefore = counts.failed;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed += 1;
      else if (status === 'failed') counts.failed += 1;
      else counts.skipped += 1;
    }
    if (file.status === 'failed' && counts.failed === failedBefore) counts.failed += 1;
  }
  return counts;
}

/**
 * What one run of the test runner counted. A runner that wrote no result of its own, or that failed without a failed
 * test (an error between the tests, a time limit), is one failure.
 */
export async function countResults({
  resultFile,
  exitCode,
  startedAfter,
}: {
  readonly resultFile: string;
  readonly exitCode: number | null;
  /** In ms since the epoch: an older file is a former run's. */
  readonly startedAfter: number;
}): Promise<Counts> {
  let counts: Counts;
  try {
    // A file system may keep whole seconds only.
    if ((await stat(resultFile)).mtimeMs < startedAfter - 1000) return { ...noCounts, failed: 1 };
    counts = countTests(JSON.parse(await readFile(resultFile, 'utf8')) as Result);
  } catch {
    return { ...noCounts, failed: 1 };
  }
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** A line for each kind; not good when a test failed, or when a kind ran none at all. */
export function summarize(results: ReadonlyMap<Kind, Counts>): {
  readonly lines: readonly string[];
  readonly isGood: boolean;
} {
  const entries = [...results];
  return {
    lines: entries.map(([kind, { passed, failed, skipped }]) => {
      const ran = passed + failed === 0 ? '  (no test ran)' : '';
      return `  ${kind.padEnd(12)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped${ran}`;
    }),
    isGood: entries.every(([, { passed, failed }]) => failed === 0 && passed > 0),
  };
}
