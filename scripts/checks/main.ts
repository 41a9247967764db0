import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Counts, countResults, type Kind, kinds, noCounts, summarize } from './count-results.ts';
import { runProgram } from './run-program.ts';

const root = path.resolve(import.meta.dirname, '../..');
const resultsDirectory = path.join(root, '.cache', 'test-results');

/** What looks at the sources alone; each ends with 0 when it finds nothing. */
const checks = [
  { title: 'format (oxfmt)', command: 'oxfmt', parameters: ['--check'] },
  { title: 'lint (oxlint, type-aware)', command: 'oxlint', parameters: ['--type-aware'] },
  { title: 'types (tsc)', command: 'tsc', parameters: ['-p', '.'] },
  { title: 'types of the page (tsc)', command: 'tsc', parameters: ['-p', 'apps/gateway/page'] },
  { title: 'types of use-chat (tsc)', command: 'tsc', parameters: ['-p', 'examples/use-chat'] },
  { title: 'types of assistant-ui (tsc)', command: 'tsc', parameters: ['-p', 'examples/assistant-ui'] },
  {
    title: 'types of client tests (tsc)',
    command: 'tsc',
    parameters: ['-p', 'apps/standalone/test/clients/page'],
  },
  { title: 'unused code (knip)', command: 'knip', parameters: ['--no-config-hints'] },
  { title: 'boundaries (turbo)', command: 'turbo', parameters: ['boundaries'] },
];

const checkMs = 5 * 60_000;
/** On two cores the kinds take one, ten and twenty minutes; this only ends what hangs. */
const kindMs: Readonly<Record<Kind, number>> = {
  unit: 5 * 60_000,
  integration: 15 * 60_000,
  'end-to-end': 40 * 60_000,
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function sayTime(title: string, startedAt: number, isGood: boolean): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`  ${title.padEnd(28)} ${isGood ? 'ok    ' : 'FAILED'} ${seconds.padStart(6)} s`);
}

/** Runs all checks, also after one has failed; true when all are good. */
async function runChecks(): Promise<boolean> {
  let isGood = true;
  for (const { title, command, parameters } of checks) {
    const startedAt = performance.now();
    const { exitCode, output } = await runProgram({
      command,
      parameters,
      root,
      timeoutMs: checkMs,
      isShown: false,
    });
    sayTime(title, startedAt, exitCode === 0);
    if (exitCode === 0) continue;
    isGood = false;
    say(output.trimEnd());
  }
  return isGood;
}

/** Runs one kind of tests and reads what its runner counted. */
async function runKind(kind: Kind): Promise<Counts> {
  const startedAt = performance.now();
  await mkdir(resultsDirectory, { recursive: true });
  const resultFile = path.join(resultsDirectory, `${kind}.json`);
  const isShown = kind !== 'unit';
  const { exitCode, output } = await runProgram({
    command: 'vitest',
    parameters: [
      'run',
      '--project',
      kind,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${resultFile}`,
    ],
    root,
    timeoutMs: kindMs[kind],
    isShown,
  });
  const counts = await countResults({
    resultFile,
    exitCode,
    startedAfter: Date.now() - (performance.now() - startedAt),
  });
  sayTime(`${kind} tests`, startedAt, counts.failed === 0 && counts.passed > 0);
  if (!isShown && counts.failed > 0) say(output.trimEnd());
  return counts;
}

async function main(command: string | undefined): Promise<number> {
  if (command !== 'verify' && command !== 'test') {
    process.stderr.write('Usage: main.ts verify | test\n');
    return 1;
  }
  const areChecksGood = await runChecks();
  const results = new Map<Kind, Counts>();
  for (const kind of command === 'test' ? kinds : (['unit'] as const)) {
    results.set(kind, await runKind(kind));
  }
  const { lines, isGood } = summarize(results);
  say('');
  if (!areChecksGood) say('Some checks of the sources FAILED, see above.');
  for (const line of lines) say(line);
  const total = [...results.values()].reduce(
    (sum, counts) => ({
      passed: sum.passed + counts.passed,
      failed: sum.failed + counts.failed,
      skipped: sum.skipped + counts.skipped,
    }),
    noCounts,
  );
  say(
    `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
  );
  return areChecksGood && isGood ? 0 : 1;
}

process.exitCode = await main(process.argv[2]);
