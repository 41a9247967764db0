import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createLogger } from '@switchyard/process';
import { afterEach, expect, test } from 'vitest';
import { defaultLimits, type SandboxLimits } from '../src/limits.ts';
import { findFamily, type ProcessMemory, readProcess, readProcesses } from '../src/measure-memory.ts';
import { type LimitsWatchOptions, watchLimits } from '../src/watch-limits.ts';
import { watchMemory } from '../src/watch-memory.ts';
import type { WatchedSandbox } from '../src/watched-sandbox.ts';
import { temporaryFolder } from './test-host.ts';

const mebibyte = 1024 * 1024;
const logger = createLogger({ name: 'sandbox-host', level: 'silent' });
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Processes of this machine in the place of a sandbox's: a shell that runs the script. */
async function newWatched(script: string, limits: Partial<SandboxLimits> = {}): Promise<WatchedSandbox> {
  const shell = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  await once(shell, 'spawn');
  const pid = shell.pid ?? 0;
  cleanups.push(async () => kill(-pid));
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  return {
    id: `of process ${pid}`,
    pid,
    workspace: folder.path,
    isMemoryWatched: true,
    limits: { ...defaultLimits(), ...limits },
    lastActivityAt: Date.now(),
  };
}

/** False when there is nobody. */
function kill(pid: number, signal: NodeJS.Signals | 0 = 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function watch(sandboxes: readonly WatchedSandbox[], options: Partial<LimitsWatchOptions>): void {
  const watching = watchLimits({
    minFreeDiskBytes: 0,
    dataDir: sandboxes[0]?.workspace ?? '/tmp',
    bwrapPath: null,
    isDiskWatched: true,
    running: () => sandboxes,
    stop: () => Promise.resolve(),
    logger,
    ...options,
  });
  cleanups.push(() => watching.close());
}

test('memory is watched on while a sandbox takes its time to stop', async () => {
  const slow = await newWatched('sleep 600');
  const hungry = await newWatched(`exec perl -e 'my $x = "a" x (60 * 1048576); sleep 600'`, {
    memoryBytes: 30 * mebibyte,
  });
  const { promise: stopped, resolve: letStop } = Promise.withResolvers<void>();
  const asked: string[] = [];
  watch([slow, hungry], {
    minFreeDiskBytes: Number.MAX_SAFE_INTEGER,
    stop: (id) => {
      asked.push(id);
      return stopped;
    },
  });
  cleanups.push(async () => letStop());
  await expect.poll(() => asked, { timeout: 20_000 }).toContain(slow.id);
  await expect.poll(() => kill(hungry.pid, 0), { timeout: 20_000 }).toBe(false);
  // One that is being stopped is not stopped a second time.
  expect(asked).toHaveLength(new Set(asked).size);
});

test('a disk that fills up costs the one that fills it its sandbox, and nobody else', async () => {
  const quiet = await newWatched('sleep 600');
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const fill = `cd ${folder.path}; for n in $(seq 1 400); do head -c 2M /dev/zero >> large; sleep 0.05; done; sleep 600`;
  const filler = { ...(await newWatched(fill)), workspace: folder.path };
  const { bavail, bsize } = statfsSync(folder.path);
  const asked = new Map<string, string>();
  watch([quiet, filler], {
    dataDir: folder.path,
    minFreeDiskBytes: 1.5 * bavail * bsize,
    stop: async (id, reason) => {
      asked.set(id, reason);
      kill(-filler.pid);
    },
  });
  await expect.poll(() => asked.get(filler.id), { timeout: 30_000 }).toContain('disk');
  expect([...asked.keys()]).toEqual([filler.id]);
});

test('a workspace whose size cannot be told is stopped, and keeps no other from being measured', async () => {
  const lost = { ...(await newWatched('sleep 600')), workspace: '/nowhere/at/all' };
  const full = await newWatched('sleep 600', { files: 2 });
  for (const name of ['one', 'two', 'three']) await writeFile(path.join(full.workspace, name), '');
  const asked = new Map<string, string>();
  watch([full, lost], {
    stop: async (id, reason) => {
      asked.set(id, reason);
    },
  });
  await expect.poll(() => asked.get(full.id), { timeout: 20_000 }).toContain('too large');
  await expect.poll(() => asked.get(lost.id), { timeout: 20_000 }).toContain('could not be measured');
});

test('a process that has another one in its place by now is left alone', async () => {
  const { pid, ...sandbox } = await newWatched(`exec perl -e 'my $x = "a" x (60 * 1048576); sleep 600'`, {
    memoryBytes: 30 * mebibyte,
  });
  await expect.poll(() => readProcess(pid)?.bytes).toBeGreaterThan(60 * mebibyte);
  const [now] = findFamily(readProcesses(), pid);
  if (!now) throw new Error('It has ended.');
  const look = watchMemory({ stop: () => undefined, logger });
  // What a look finds once may be counted twice: it acts at the second.
  const lookTwice = (family: readonly ProcessMemory[]): void => {
    for (const _ of [1, 2]) look([{ sandbox: { ...sandbox, pid }, family }]);
  };
  lookTwice([{ ...now, innerPid: now.innerPid + 1 }]);
  expect(kill(pid, 0)).toBe(true);
  lookTwice([now]);
  await expect.poll(() => kill(pid, 0)).toBe(false);
});
