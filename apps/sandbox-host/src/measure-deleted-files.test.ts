import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createCpuBudget } from './cpu-budget.ts';
import { measureDeletedFiles } from './measure-deleted-files.ts';

const mebibyte = 1024 * 1024;
const folder = import.meta.dirname;
const children: ChildProcess[] = [];
afterEach(() => {
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

test('who has too many to be looked at in time cannot be measured', async () => {
  const rootPid = await startHolder({ opens: 900, threads: 0 });
  expect(await measureDeletedFiles(folder, { rootPid, budget: createCpuBudget(0) })).toBeNull();
});
