import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createLogger } from '@switchyard/process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { watchDisk } from '../src/watch-disk.ts';
import type { WatchedSandbox } from '../src/watched-sandbox.ts';
import { temporaryFolder } from './test-host.ts';
import { createWatchedProcesses, kill } from './watched-processes.ts';

const run = promisify(execFile);
const mebibyte = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const processes = createWatchedProcesses();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await processes.clear();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A disk of this test's own, so that nobody else writes to it. */
async function mountDisk(megabytes: number): Promise<string> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'test', folder.path]);
  cleanups.push(() => run('umount', ['--lazy', folder.path]));
  return folder.path;
}

test('the disk is looked at again when it is time to, though the clock of the machine was put back', async () => {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  let looks = 0;
  const watch = watchDisk({
    minFreeBytes: 0,
    dataDir: folder.path,
    bwrapPath: null,
    measuring: {
      measure: async () => {
        looks += 1;
        return [] as never;
      },
      close: async () => undefined,
    },
    stop: () => undefined,
    logger: createLogger({ name: 'sandbox-host', level: 'silent' }),
  });
  watch.check([]);
  await expect.poll(() => looks).toBe(1);
  const now = Date.now.bind(Date);
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() - 86_400_000);
  cleanups.push(async () => clock.mockRestore());
  await expect.poll(() => (watch.check([]), looks), { timeout: 10_000 }).toBe(2);
});

/** Writes that much in the background, 2 MB at a time. */
const grow = (megabytes: number, pauseS: number): string =>
  `for n in $(seq 1 ${megabytes / 2}); do head -c 2M /dev/zero >> large || exit; sleep ${pauseS}; done; sleep 600`;

// Only root may mount a disk.
describe.runIf(isRoot)('a disk that fills up', () => {
  async function start(disk: string, name: string, script: string): Promise<WatchedSandbox> {
    const workspace = path.join(disk, name);
    await mkdir(workspace);
    return processes.start(`cd ${workspace}; ${script}`, { workspace });
  }

  function watch(disk: string, sandboxes: readonly WatchedSandbox[], minFreeMegabytes: number) {
    const asked = new Map<string, string>();
    processes.watch(sandboxes, {
      dataDir: disk,
      minFreeDiskBytes: minFreeMegabytes * mebibyte,
      stop: async (id, reason) => {
        asked.set(id, reason);
        kill(-(sandboxes.find((sandbox) => sandbox.id === id)?.pid ?? 0));
      },
    });
    return asked;
  }

  test('costs the one that fills it its sandbox, and not the one that writes a little', async () => {
    const disk = await mountDisk(600);
    const little = await start(disk, 'little', 'while head -c 64k /dev/zero >> log; do sleep 0.05; done');
    const filler = await start(disk, 'filler', grow(500, 0.02));
    const asked = watch(disk, [little, filler], 400);
    await expect.poll(() => asked.get(filler.id), { timeout: 30_000 }).toContain('disk');
    expect([...asked.keys()]).toEqual([filler.id]);
  });

  test('costs each of two that fill it theirs', async () => {
    const disk = await mountDisk(600);
    const quiet = await start(disk, 'quiet', 'sleep 600');
    const fillers = [await start(disk, 'one', grow(250, 0.02)), await start(disk, 'two', grow(250, 0.02))];
    const asked = watch(disk, [quiet, ...fillers], 400);
    await expect.poll(() => asked.size, { timeout: 30_000 }).toBe(2);
    expect(new Set(asked.keys())).toEqual(new Set(fillers.map(({ id }) => id)));
  });

  test('costs nobody his who writes a little, when it is somebody else who fills it: that is logged', async () => {
    const disk = await mountDisk(600);
    const little = await start(disk, 'little', 'while head -c 64k /dev/zero >> log; do sleep 0.05; done');
    const asked = watch(disk, [little], 400);
    await processes.start(`cd ${disk}; ${grow(300, 0.02)}`);
    const alarm = () => processes.logged.filter((line) => line.includes('no workspace accounts for it'));
    await expect.poll(alarm, { timeout: 30_000 }).not.toEqual([]);
    expect(asked.size).toBe(0);
  });

  test('costs everybody his below half of what shall stay free, when nobody is seen to grow', async () => {
    const disk = await mountDisk(300);
    const quiet = await start(disk, 'quiet', 'sleep 600');
    const asked = watch(disk, [quiet], 500);
    expect(asked.size).toBe(0);
    await processes.start(`cd ${disk}; ${grow(280, 0.02)}`);
    await expect.poll(() => asked.get(quiet.id), { timeout: 30_000 }).toContain('disk');
  });

  test('costs below half of it first those that have grown', async () => {
    const disk = await mountDisk(300);
    const quiet = await start(disk, 'quiet', 'sleep 600');
    const filler = await start(disk, 'filler', grow(280, 0.02));
    const asked = watch(disk, [quiet, filler], 600);
    await expect.poll(() => asked.get(filler.id), { timeout: 30_000 }).toContain('disk');
    expect([...asked.keys()]).toEqual([filler.id]);
  });
});
