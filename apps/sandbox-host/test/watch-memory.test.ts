import { afterEach, describe, expect, test } from 'vitest';
import { findFamily, type ProcessMemory, readOwnShare, readProcesses } from '../src/measure-memory.ts';
import { identifyProcess } from '../src/process-identity.ts';
import { type MemoryReport, watchMemory } from '../src/watch-memory.ts';
import type { WatchedSandbox } from '../src/watched-sandbox.ts';
import { hideSharedMemory, leaveSharedMemory } from './probes/resources.ts';
import { createWatchedProcesses, kill } from './watched-processes.ts';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
const processes = createWatchedProcesses();
afterEach(() => processes.clear());

const hold = (megabytes: number): string =>
  `exec perl -e '$| = 1; my $x = "a" x (${megabytes} * 1048576); print "ready\\n"; sleep 600'`;
const plentyOfMemory = { availableBytes: 8 * gibibyte, totalBytes: 16 * gibibyte, sharedBytes: 0 };
const noMemory = { ...plentyOfMemory, availableBytes: 0, totalBytes: 2 * gibibyte };

function familyOf(sandbox: WatchedSandbox): { sandbox: WatchedSandbox; family: ProcessMemory[] } {
  return { sandbox, family: findFamily(readProcesses(), sandbox.pid) };
}

/** What a look finds once may be counted twice: it acts at the second. */
function lookTwice(
  sandboxes: readonly WatchedSandbox[],
  machine: NonNullable<Parameters<ReturnType<typeof watchMemory>>[1]> = plentyOfMemory,
): MemoryReport {
  const look = watchMemory();
  look(sandboxes.map(familyOf), machine);
  return look(sandboxes.map(familyOf), machine);
}

test('a process that has another one in its place by now is left alone', async () => {
  const sandbox = await processes.start(hold(60), {
    limits: { memoryBytes: 30 * mebibyte },
    saysReady: true,
  });
  const { family } = familyOf(sandbox);
  const others = family.map((member) => ({ ...member, innerPid: member.innerPid + 1 }));
  const look = watchMemory();
  for (const _ of [1, 2]) look([{ sandbox, family: others }], plentyOfMemory);
  expect(kill(sandbox.pid, 0)).toBe(true);
  lookTwice([sandbox]);
  await expect.poll(() => kill(sandbox.pid, 0)).toBe(false);
});

describe('shared memory that no process is charged for', () => {
  test.each([
    ['because its process has dropped it', hideSharedMemory],
    ['because the process that filled it has ended', leaveSharedMemory],
  ])('is counted, %s', async (_why, script) => {
    const limits = { memoryBytes: 60 * mebibyte };
    const sandbox = await processes.start(`${script(80)} & wait`, { limits, saysReady: true });
    const visible = familyOf(sandbox).family.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(visible).toBeLessThan(30 * mebibyte);
    const { killed, share } = lookTwice([sandbox], { ...plentyOfMemory, sharedBytes: gibibyte });
    expect(share).toBeGreaterThan(1);
    expect(killed).toMatchObject([{ sandboxId: sandbox.id }]);
    await expect.poll(() => identifyProcess(killed[0]?.pid ?? 0)).toBeNull();
  });
});

describe('a machine that runs short of memory', () => {
  test('takes a process from the sandbox that has most, and from no other', async () => {
    const [large, small] = [
      await processes.start(hold(120), { saysReady: true }),
      await processes.start(hold(20), { saysReady: true }),
    ];
    const { killed } = lookTwice([small, large], noMemory);
    expect(killed).toMatchObject([{ sandboxId: large.id, pid: large.pid }]);
    expect(kill(small.pid, 0)).toBe(true);
  });

  test('knows who has hidden what he has', async () => {
    const hiding = await processes.start(`${hideSharedMemory(200)} & wait`, { saysReady: true });
    const visible = await processes.start(hold(100), { saysReady: true });
    const { killed } = lookTwice([visible, hiding], { ...noMemory, sharedBytes: gibibyte });
    expect(killed).toMatchObject([{ sandboxId: hiding.id }]);
  });

  test('takes nothing when no sandbox has as much as is lacking', async () => {
    const small = await processes.start(hold(20), { saysReady: true });
    const { killed, toStop } = lookTwice([small], noMemory);
    expect([killed, toStop]).toEqual([[], []]);
  });
});

test('who shares most of his memory loses nothing, also when one look has no time for all processes', async () => {
  const script = `exec perl -e '$| = 1; my $x = "a" x (60 * 1048576); for (1 .. 24) { last unless fork } print "ready\\n"; sleep 600'`;
  const limits = { memoryBytes: 400 * mebibyte };
  const sandbox = await processes.start(`${script} & wait`, { limits, saysReady: true });
  await expect.poll(() => familyOf(sandbox).family.length).toBeGreaterThan(24);
  const before = process.threadCpuUsage();
  for (const member of familyOf(sandbox).family) readOwnShare(member);
  const { user, system } = process.threadCpuUsage(before);
  const look = watchMemory({ maxCpuMs: (user + system) / 1_000 / 3 });
  const reports = [1, 2, 3, 4, 5, 6, 7, 8].map(() => look([familyOf(sandbox)], plentyOfMemory));
  expect(reports[0]?.share).toBeGreaterThan(1);
  expect(reports.at(-1)?.share).toBeLessThan(1);
  expect(reports.flatMap(({ killed, toStop }) => [...killed, ...toStop])).toEqual([]);
});

test('a sandbox that takes too long to be measured is stopped', async () => {
  // Each other page is read-only, so that each is a mapping of its own.
  const split = `exec perl -e '$| = 1; my ($mmap, $protect) = ${process.arch === 'arm64' ? '(222, 226)' : '(9, 10)'};
    my $at = syscall($mmap, 0, 60000 * 4096, 3, 0x22, -1, 0);
    for (0 .. 29999) { syscall($protect, $at + 8192 * $_, 4096, 1) }
    for (1 .. 24) { last unless fork } print "ready\\n"; sleep 600'`;
  const slow = await processes.start(`${split} & wait`, { saysReady: true });
  const quick = await processes.start('sleep 600');
  await expect.poll(() => familyOf(slow).family.length, { timeout: 20_000 }).toBeGreaterThan(24);
  const look = watchMemory();
  const stopped: string[] = [];
  for (let count = 0; count < 6; count++) {
    const { toStop } = look([slow, quick].map(familyOf), { ...plentyOfMemory, sharedBytes: 8 * gibibyte });
    stopped.push(...toStop.map(({ sandbox, reason }) => `${sandbox.id}: ${reason}`));
  }
  expect(new Set(stopped)).toEqual(new Set([`${slow.id}: its memory could not be measured in time`]));
});
