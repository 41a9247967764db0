import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { percentile } from '../bench/percentile.ts';
import { type Crash, type CrashLane, type CrashPoint, startCrashLane } from './crash-lane.ts';

/** Most of a point's time is waiting for a lock to end. */
const laneCount = 6;
/** Far above the 63 commands of the reference run. */
const maxCommands = 200;
let lanes: CrashLane[] = [];
beforeAll(async () => {
  lanes = await Promise.all(Array.from({ length: laneCount }, startCrashLane));
});
afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.stop()));
});

/** Tries every point until the run ends before it, the lanes side by side. */
async function tryEvery(point: Omit<CrashPoint, 'at'>): Promise<Map<number, Crash>> {
  const crashes = new Map<number, Crash>();
  let next = 1;
  let end = maxCommands;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let at = next++; at <= end; at = next++) {
        const crash = await lane.crash({ at, ...point });
        if (crash.isReached) crashes.set(at, crash);
        else end = Math.min(end, at);
      }
    }),
  );
  return crashes;
}

function report({ side, how }: Omit<CrashPoint, 'at'>, crashes: ReadonlyMap<number, Crash>): void {
  const times = [...crashes.values()].flatMap(({ recoveryMs }) => (recoveryMs === null ? [] : [recoveryMs]));
  const wires = ['redis', 'postgres', 'http'].map((wire) => {
    const count = [...crashes.values()].filter(({ labels }) => labels.at(-1)?.startsWith(wire)).length;
    return `${count} ${wire}`;
  });
  const spread = `p50 ${Math.round(percentile(times, 50))} ms, max ${Math.round(Math.max(...times))} ms`;
  process.stdout.write(
    `A worker that ${how} ${side} a command: ${crashes.size} points (${wires.join(', ')}); next event after ${spread}\n`,
  );
}

describe.each([
  { how: 'dies', side: 'before' },
  { how: 'dies', side: 'after' },
  { how: 'freezes', side: 'before' },
] as const)('a worker that $how $side any of its commands', (point) => {
  it('leaves a run that another ends: nothing lost, repeated, run twice or charged twice', async () => {
    const crashes = await tryEvery(point);
    report(point, crashes);
    const violations = [...crashes].flatMap(([at, crash]) =>
      crash.violations.map((words) => `${at} (${crash.labels.at(-1)}): ${words}`),
    );
    expect(violations).toEqual([]);
    // Claim, read, open, an answer, six calls with their claims, the wait, the second claim, a summary, an answer, and the end:
    // some sixty, a
    // few more or less by how output comes. None of those that there always are is left out.
    expect(Array.from({ length: 40 }, (_, index) => index + 1).filter((at) => !crashes.has(at))).toEqual([]);
    const recoveries = [...crashes.values()].map(({ recoveryMs }) => recoveryMs ?? 0);
    expect(Math.max(...recoveries)).toBeLessThan(5 * 8000);
  }, 600_000);
});
