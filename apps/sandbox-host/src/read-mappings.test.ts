import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCpuBudget } from './cpu-budget.ts';
import { readDeletedMappings, readMapping } from './read-mappings.ts';

const mebibyte = 1024 * 1024;
const mmap = process.arch === 'arm64' ? 222 : 9;
const children: ChildProcess[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'switchyard-mappings-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Maps a file that is `depth` folders deep so often, one page each time, and a deleted one once. Gives its folder in /proc. */
async function startMapper({ depth, count }: { depth: number; count: number }): Promise<string> {
  const script = `
    $| = 1; open my $held, "+>", "held" or die; unlink "held"; print $held "a" x 8192; $held->flush;
    syscall(${mmap}, 0, 8192, 1, 1, fileno($held), 0) > 0 or die; my $name = "d" x 250;
    for (1 .. ${depth}) { mkdir $name; chdir $name or die } open my $file, "+>", "f" or die; print $file "a" x 4096; $file->flush;
    for (1 .. ${count}) { syscall(${mmap}, 0, 4096, 1 + $_ % 2, 1, fileno($file), 0) > 0 or die } print "ready\\n"; sleep 600;`;
  const child = spawn('sh', ['-c', 'exec perl -MIO::Handle -e "$0"', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: folder,
  });
  children.push(child);
  await once(child.stdout, 'data');
  return `/proc/${child.pid ?? 0}`;
}

test('a deleted file is found among ten thousand mappings', async () => {
  const mapper = await startMapper({ depth: 0, count: 10_000 });
  const found = readDeletedMappings(mapper, createCpuBudget(10_000));
  expect(found).toMatchObject([{ bytes: 8192, isSharedMemory: false }]);
});

test('mappings that would be described in more text than is read are not known, and are not none', async () => {
  const mapper = await startMapper({ depth: 100, count: 5_000 });
  const before = process.memoryUsage.rss();
  expect(readDeletedMappings(mapper, createCpuBudget(10_000))).toBeNull();
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * mebibyte);
});

test('mappings are not known when there is no time left to read them', async () => {
  const mapper = await startMapper({ depth: 0, count: 10 });
  expect(readDeletedMappings(mapper, createCpuBudget(-1))).toBeNull();
});

test('a process that has ended has none', () => {
  expect(readDeletedMappings('/proc/0', createCpuBudget(1_000))).toEqual([]);
});

test.each([
  ['/dev/zero (deleted)', true],
  ['[anon_shmem:a name]', true],
  ['/workspace/a file (deleted)', false],
  ['/workspace/[anon_shmem:x] (deleted)', false],
  ['/workspace/file', null],
  ['[anon:a name]', null],
  ['', null],
])('a mapping of %j is nameless shared memory, a deleted file or neither', (path, isSharedMemory) => {
  const mapping = readMapping(`7f6c1ff21000-7f6c1ff22000 rw-s 00000000 00:01 5124                   ${path}`);
  const found = { range: '7f6c1ff21000-7f6c1ff22000', numbers: '00:01', inode: '5124', isSharedMemory };
  expect(mapping).toEqual(isSharedMemory === null ? null : found);
});
