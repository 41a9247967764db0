import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createCpuBudget } from './cpu-budget.ts';
import { measureDeletedFiles } from './measure-deleted-files.ts';

const mebibyte = 1024 * 1024;
const folder = import.meta.dirname;
const children: ChildProcess[] = [];
const groups: number[] = [];
afterEach(() => {
  for (const group of groups.splice(0)) process.kill(-group, 'SIGKILL');
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Holds a nameless file of 8 MB, opened as often as asked, and has that many threads besides its first. */
async function startHolder({ opens, threads }: { opens: number; threads: number }): Promise<number> {
  const script = `
    $| = 1; open my $file, ">", "held-$$" or die; unlink "held-$$"; print $file "a" x 8388608; $file->flush;
    my @all = map { open my $copy, ">&", $file or die; $copy } 2 .. ${opens};
    threads->create(sub { sleep 600 })->detach for 1 .. ${threads};
    print "ready\\n"; sleep 600;`;
  const command = 'exec perl -Mthreads -MIO::Handle -e "$0"';
  const child = spawn('sh', ['-c', command, script], { stdio: ['ignore', 'pipe', 'inherit'], cwd: folder });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

test('a deleted file is counted once, however many descriptors lead to it', async () => {
  const rootPid = await startHolder({ opens: 40, threads: 3 });
  const bytes = await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(10_000) });
  expect(bytes).toBeGreaterThanOrEqual(8 * mebibyte);
  expect(bytes).toBeLessThan(9 * mebibyte);
});

test('threads that share their descriptors cost less than if each had its own', async () => {
  const spend = async (threads: number): Promise<number> => {
    const rootPid = await startHolder({ opens: 900, threads });
    const before = process.threadCpuUsage();
    await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(60_000) });
    const { user, system } = process.threadCpuUsage(before);
    return user + system;
  };
  await spend(1);
  // Fifty times as many descriptors: each looked at, they would cost fifty times as much; seen are 18.
  expect((await spend(49)) / (await spend(0))).toBeLessThan(32);
});

/** Passes a file of 8 MB from each process to the next, which a subreaper (prctl 36) takes over, among so many that sleep. */
async function startChain(decoys: number): Promise<number> {
  const script = `
    $| = 1; syscall(${process.arch === 'arm64' ? 167 : 157}, 36, 1, 0, 0, 0); my $first = $$;
    for (1 .. ${decoys}) { if (!fork) { sleep 600; exit } }
    if (fork) { 1 while wait > 0 or select undef, undef, undef, 0.001 or getppid != 1; exit }
    open my $file, ">", "held-$$" or die; unlink "held-$$"; print $file "a" x 8388608; $file->flush; print "ready\n";
    my $end = time + 60; while (time < $end) { select undef, undef, undef, 0.0003; POSIX::_exit(0) if fork }`;
  const child = spawn('sh', ['-c', 'exec perl -MPOSIX -MIO::Handle -e "$0"', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: folder,
    detached: true,
  });
  groups.push(child.pid ?? 0);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

test('a file that passes from one short-lived process to the next is found among many others, or that is not known', async () => {
  const rootPid = await startChain(300);
  for (let look = 0; look < 10; look++) {
    const bytes = await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(10_000) });
    expect(bytes ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(8 * mebibyte);
  }
}, 30_000);

test('who starts short-lived processes all the time can be measured', async () => {
  const loop = 'while :; do /bin/true; (/bin/true; /bin/true) & /bin/true; wait; done';
  const child = spawn('sh', ['-c', `for n in 1 2 3 4; do ${loop} & done; wait`], {
    stdio: 'ignore',
    detached: true,
  });
  groups.push(child.pid ?? 0);
  const found: (number | null)[] = [];
  for (let look = 0; look < 50; look++)
    found.push(
      await measureDeletedFiles(folder, { rootPid: child.pid ?? 0, budget: createCpuBudget(10_000) }),
    );
  expect(found.filter((bytes) => bytes !== 0)).toEqual([]);
}, 30_000);

test('who has too many to be looked at in time cannot be measured', async () => {
  const rootPid = await startHolder({ opens: 900, threads: 0 });
  expect(await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(0) })).toBeNull();
});
