import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createLogger } from '@switchyard/process';
import { defaultLimits, type SandboxLimits } from '../src/limits.ts';
import { type LimitsWatchOptions, watchLimits } from '../src/watch-limits.ts';
import type { WatchedSandbox } from '../src/watched-sandbox.ts';
import { temporaryFolder } from './test-host.ts';

/** Processes of this machine in the place of sandboxes', and a watch over them. */
export interface WatchedProcesses {
  /** A shell that runs the script; its first line of output is waited for when there is `isReady`. */
  start(
    script: string,
    options?: { limits?: Partial<SandboxLimits>; workspace?: string; saysReady?: boolean },
  ): Promise<WatchedSandbox>;
  watch(
    sandboxes: readonly WatchedSandbox[],
    options: Partial<Omit<LimitsWatchOptions, 'stop'>> & {
      readonly stop?: (id: string, reason: string) => Promise<unknown>;
    },
  ): void;
  /** What the watch has logged, one line each. */
  readonly logged: readonly string[];
  clear(): Promise<void>;
}

export function createWatchedProcesses(): WatchedProcesses {
  const cleanups: (() => Promise<unknown>)[] = [];
  const logged: string[] = [];
  const destination = { write: (line: string) => logged.push(line) };
  const logger = createLogger({ name: 'sandbox-host', destination });
  return {
    logged,
    async start(script, { limits = {}, workspace, saysReady = false } = {}) {
      const stdio = saysReady ? (['ignore', 'pipe', 'inherit'] as const) : ('ignore' as const);
      const shell = spawn('sh', ['-c', script], { detached: true, stdio: stdio as 'ignore' });
      await once(shell, 'spawn');
      const pid = shell.pid ?? 0;
      cleanups.push(async () => kill(-pid));
      const output: NodeJS.ReadableStream | null = shell.stdout;
      if (output) await once(output, 'data');
      const folder = await temporaryFolder();
      cleanups.push(folder.remove);
      return {
        id: `of process ${pid}`,
        pid,
        workspace: workspace ?? folder.path,
        isMemoryWatched: true,
        limits: { ...defaultLimits(), ...limits },
        lastActivityAt: Date.now(),
      };
    },
    watch(sandboxes, { stop = () => Promise.resolve(), ...options }) {
      const watching = watchLimits({
        minFreeDiskBytes: 0,
        dataDir: sandboxes[0]?.workspace ?? '/tmp',
        bwrapPath: null,
        isDiskWatched: true,
        running: () => sandboxes.filter(({ pid }) => kill(pid, 0)),
        stop: ({ id }, reason) => stop(id, reason),
        logger,
        ...options,
      });
      cleanups.push(() => watching.close());
    },
    async clear() {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
      logged.length = 0;
    },
  };
}

/** False when there is nobody. */
export function kill(pid: number, signal: NodeJS.Signals | 0 = 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
