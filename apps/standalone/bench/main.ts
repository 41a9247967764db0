import { availableParallelism, loadavg } from 'node:os';
import { startFleet } from '../fleet/fleet.ts';
import { measureAttach, type Samples } from './measure-attach.ts';
import { measureCancel } from './measure-cancel.ts';
import { measureDelivery, measureMemory } from './measure-delivery.ts';
import { measureFirstToken } from './measure-first-token.ts';
import { measureLargeFile } from './measure-large-file.ts';
import { measureRecovery } from './measure-recovery.ts';
import { measureSandboxes } from './measure-sandboxes.ts';
import { measureCommits, measureThroughput } from './measure-throughput.ts';
import { percentile, round, spread } from './percentile.ts';
import { recoveryRows } from './recovery-rows.ts';
import { sandboxRows } from './sandbox-rows.ts';
import { startStack } from './stack.ts';
import { type System, systemsOf } from './systems.ts';
import { printTable, type Row } from './table.ts';
import { viewerRows } from './viewer-rows.ts';

/**
 * `npm run bench`: what the design promises, against baselines measured in the same run on the same machine, in turns.
 * Information: it ends with 0 and marks what misses; it ends with 1 only when something did not work at all.
 */
const say = (line: string) => process.stdout.write(`${line}\n`);
const startedAt = performance.now();
// Load that others make falls on every system here, but several processes suffer more than one.
const [loadBefore = 0] = loadavg();
say(`Starting one gateway, one worker, their services and the baselines (${availableParallelism()} cores) …`);
const stack = await startStack();
try {
  const systems = systemsOf(stack);
  const { switchyard, diy, floor, direct } = systems;

  say('Attaching to a running run …');
  const attach = await measureAttach([switchyard, diy, floor], { rounds: 3, perRound: 100 });
  say('First token …');
  const token = await measureFirstToken([switchyard, diy, floor, direct], { rounds: 4, perRound: 60 });
  const commits = (await measureCommits(stack.skeletonUrl, 150)).slice(50);
  say('Runs a second …');
  const rates = await measureThroughput([switchyard, diy, floor], {
    rounds: 3,
    seconds: 5,
    skeletonUrl: stack.skeletonUrl,
  });

  say('Delivering to 500 and 2,000 viewers …');
  const memory = await measureMemory(stack, { viewers: 2000 });
  const toMany = await measureDelivery(stack, { viewers: 500, rounds: 2 });
  const toMost = await measureDelivery(stack, { viewers: 2000, rounds: 2 });

  say('Killing workers, handing over …');
  const recovery = await measureRecovery({ rounds: 5 });
  say('Stopping runs …');
  const cancel = await measureCancel({ rounds: 100 });
  say('Starting sandboxes, calling tools, moving a file of a gigabyte …');
  const ofSandboxes = await measureSandboxRows();

  const rows: Row[] = [
    attachRow(attach),
    firstByteRow(token.firstByte, commits),
    addedRow(token.firstToken),
    rateRow(rates),
    ...viewerRows({ 500: toMany, 2000: toMost }, memory),
    ...recoveryRows(recovery, cancel),
    ...ofSandboxes,
  ];
  say('');
  printTable(rows, say);
  say('');
  const tookS = round((performance.now() - startedAt) / 1000);
  say(
    `Times in ms; a ratio is worth more than a number. Load before: ${round(loadBefore)}. Took ${tookS} s.`,
  );
} finally {
  await stack.stop();
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

function of(samples: Samples, name: System['name']): number[] {
  return samples.get(name) ?? [];
}

function attachRow(firstByte: Samples): Row {
  const p99 = percentile(of(firstByte, 'Switchyard'), 99);
  return {
    what: 'GET attach → first byte, p50 / p99',
    ours: spread(of(firstByte, 'Switchyard')),
    baselines: { DIY: spread(of(firstByte, 'DIY')), floor: spread(of(firstByte, 'floor')) },
    target: 'p99 < 5 ms',
    isMet: p99 < 5,
  };
}

function firstByteRow(firstByte: Samples, commits: readonly number[]): Row {
  const commit = percentile(commits, 50);
  const p50 = percentile(of(firstByte, 'Switchyard'), 50);
  return {
    what: 'POST with stream → first byte, p50 / p99',
    ours: spread(of(firstByte, 'Switchyard')),
    baselines: { DIY: spread(of(firstByte, 'DIY')), skeleton: `${spread(commits)} (commit)` },
    target: `p50 ≤ commit + 5 = ${round(commit + 5)}`,
    isMet: p50 <= commit + 5,
  };
}

function addedRow(firstToken: Samples): Row {
  const base = percentile(of(firstToken, 'direct'), 50);
  const added = (name: System['name']) => of(firstToken, name).map((time) => time - base);
  const ours = percentile(added('Switchyard'), 50);
  const diy = percentile(added('DIY'), 50);
  return {
    what: 'Added time to first token, p50 / p99',
    ours: spread(added('Switchyard')),
    baselines: {
      DIY: spread(added('DIY')),
      floor: spread(added('floor')),
      direct: `${spread(of(firstToken, 'direct'))} (all)`,
    },
    target: `p50 ≤ 5 and ≤ 1.2 × DIY; is ${round(ours / diy)} ×`,
    isMet: ours <= 5 && ours <= 1.2 * diy,
  };
}

function rateRow(rates: ReadonlyMap<System['name'] | 'skeleton', number[]>): Row {
  const median = (name: System['name'] | 'skeleton') => percentile(rates.get(name) ?? [], 50);
  const ours = median('Switchyard');
  const ofSkeleton = ours / median('skeleton');
  const ofDiy = ours / median('DIY');
  return {
    what: 'One-token runs a second, persisted',
    ours: round(ours),
    baselines: {
      DIY: round(median('DIY')),
      floor: round(median('floor')),
      skeleton: round(median('skeleton')),
    },
    target: `≥ 0.5 × skeleton, ≥ 1 × DIY; is ${round(ofSkeleton)} ×, ${round(ofDiy)} ×`,
    isMet: ofSkeleton >= 0.5 && ofDiy >= 1,
  };
}
