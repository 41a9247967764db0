import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createLogger } from '@switchyard/process';
import { afterEach, expect, test } from 'vitest';
import { defaultLimits, type SandboxLimits } from '../src/limits.ts';
import { type LimitsWatchOptions, watchLimits, type WatchedSandbox } from '../src/watch-limits.ts';
import { temporaryFolder } from './test-host.ts';

const mebibyte = 1024 * 1024;
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
    logger: createLogger({ name: 'sandbox-host', level: 'silent' }),
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
