import { availableParallelism, loadavg } from 'node:os';
import { inspect } from 'node:util';
import { startFleet } from '../fleet/fleet.ts';
import { loopRows } from './loop-rows.ts';
import { measureAttach } from './measure-attach.ts';
import { measureCancel } from './measure-cancel.ts';
import { measureDelivery, measureMemory } from './measure-delivery.ts';
import { measureFirstToken } from './measure-first-token.ts';
import { measureLargeFile } from './measure-large-file.ts';
import { measureLoop } from './measure-loop.ts';
import { measureRecovery } from './measure-recovery.ts';
import { measureSandboxes } from './measure-sandboxes.ts';
import { measureCommits, measureThroughput } from './measure-throughput.ts';
import { round } from './percentile.ts';
import { recoveryRows } from './recovery-rows.ts';
import { addedRow, attachRow, firstByteRow, rateRow } from './request-rows.ts';
import { sandboxRows } from './sandbox-rows.ts';
import { type Stack, startStack } from './stack.ts';
import { systemsOf } from './systems.ts';
import { printTable, type Row } from './table.ts';
import { viewerRows } from './viewer-rows.ts';

/**
 * `npm run bench`, or `npm run bench -- recovery …` for some of it: what the design promises, against baselines measured
 * in the same run on the same machine, in turns. Information: it ends with 0 and marks what misses; it ends with 1 only
 * when something did not work at all, after the rest was measured.
 */
const measurements: Readonly<Record<string, () => Promise<Row[]>>> = {
  requests: () => withStack(measureRequests),
  viewers: () => withStack(measureViewers),
  recovery: async () =>
    recoveryRows(await measureRecovery({ rounds: 5 }), await measureCancel({ rounds: 100 })),
  sandboxes: measureSandboxRows,
  loop: async () => loopRows(await measureLoop({ rounds: 7, longSteps: 500, many: 50 })),
};

async function withStack(measure: (stack: Stack) => Promise<Row[]>): Promise<Row[]> {
  const stack = await startStack();
  try {
    return await measure(stack);
  } finally {
    await stack.stop();
  }
}

async function measureRequests(stack: Stack): Promise<Row[]> {
  const { switchyard, diy, floor, direct } = systemsOf(stack);
  const attach = await measureAttach([switchyard, diy, floor], { rounds: 3, perRound: 100 });
  const token = await measureFirstToken([switchyard, diy, floor, direct], { rounds: 4, perRound: 60 });
  const commits = (await measureCommits(stack.skeletonUrl, 150)).slice(50);
  const rates = await measureThroughput([switchyard, diy, floor], {
    rounds: 3,
    seconds: 5,
    skeletonUrl: stack.skeletonUrl,
  });
  return [
    attachRow(attach),
    firstByteRow(token.firstByte, commits),
    addedRow(token.firstToken),
    rateRow(rates),
  ];
}

async function measureViewers(stack: Stack): Promise<Row[]> {
  const memory = await measureMemory(stack, { viewers: 2000 });
  const toMany = await measureDelivery(stack, { viewers: 500, rounds: 2 });
  const toMost = await measureDelivery(stack, { viewers: 2000, rounds: 2 });
  return viewerRows({ 500: toMany, 2000: toMost }, memory);
}

async function measureSandboxRows(): Promise<Row[]> {
  const fleet = await startFleet({ gateways: 1, workers: 0 });
  try {
    const sandboxes = await measureSandboxes(fleet, { rounds: 20, calls: 200, many: 50 });
    return sandboxRows(sandboxes, await measureLargeFile(fleet, { megabytes: 1024 }));
  } finally {
    await fleet.stop();
  }
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const startedAt = performance.now();
// Load that others make falls on every system here, but several processes suffer more than one.
const [loadBefore = 0] = loadavg();
const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in measurements));
if (unknown.length > 0) {
  say(
    `There is no measurement "${unknown.join('", "')}"; there are ${Object.keys(measurements).join(', ')}.`,
  );
  process.exit(1);
}

say(`Measuring on ${availableParallelism()} cores, with the baselines beside …`);
const rows: Row[] = [];
for (const [name, measure] of Object.entries(measurements)) {
  if (named.length > 0 && !named.includes(name)) continue;
  say(`  ${name}`);
  try {
    rows.push(...(await measure()));
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`The measurement "${name}" did not work: ${inspect(error)}\n`);
  }
}
say('');
printTable(rows, say);
say('');
const tookS = round((performance.now() - startedAt) / 1000);
say(`Times in ms; a ratio is worth more than a number. Load before: ${round(loadBefore)}. Took ${tookS} s.`);
