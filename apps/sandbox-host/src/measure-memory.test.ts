import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { createCpuBudget } from './cpu-budget.ts';
import { measureDeletedFiles } from './measure-deleted-files.ts';
import { findFamily, readOwnShare, readProcess, readProcesses } from './measure-memory.ts';

const mebibyte = 1024 * 1024;
const exitNumber = process.arch === 'arm64' ? 93 : 60;
const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process whose first thread ends by the bare system call, while another keeps memory and a file without a name. */
async function startHeadless(): Promise<number> {
  const script = `
    my $ready : shared;
    my $thread = threads->create(sub {
      my $held = "a" x (60 * 1048576);
      open my $file, ">", "headless-$$" or die; unlink "headless-$$";
      print $file "a" x 8388608; $file->flush;
      $| = 1; print "ready\\n"; $ready = 1; sleep 600;
    });
    select undef, undef, undef, 0.01 until $ready;
    syscall(${exitNumber}, 0);`;
  const command = 'exec perl -Mthreads -Mthreads::shared -MIO::Handle -e "$0"';
  const child = spawn('sh', ['-c', command, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

test('a process whose first thread has ended is measured by the others', async () => {
  const pid = await startHeadless();
  await expect.poll(() => readProcess(pid)?.folder).toMatch(/^\/proc\/\d+\/task\/\d+$/);
  const [found] = findFamily(readProcesses(), pid);
  expect(found).toMatchObject({ pid, innerPid: pid, parentPid: process.pid });
  expect(found?.bytes).toBeGreaterThan(60 * mebibyte);
  expect(found && readOwnShare(found).bytes).toBeGreaterThan(60 * mebibyte);
  const held = await measureDeletedFiles(import.meta.dirname, {
    rootPid: pid,
    budget: createCpuBudget(1_000),
  });
  expect(held).toBeGreaterThanOrEqual(8 * mebibyte);
});

test('a process that has ended is no process', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(readProcess(child.pid ?? 0)).toBeNull();
});
