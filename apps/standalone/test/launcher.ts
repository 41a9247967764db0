import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { readDevFile } from '../src/dev-file.ts';
import { identify, isAlive, type ProcessIdentity } from '../src/process-identity.ts';

const main = path.resolve(import.meta.dirname, '../src/main.ts');
/** A start takes about a second on an idle machine; the cores are shared with everything else. */
export const startMs = 90_000;
const stopMs = 20_000;

/** A launcher that a test has started, as `npm start` does. */
export interface Launcher {
  readonly process: ChildProcess;
  readonly dataDir: string;
  /** Everything that it has printed so far. */
  output(): string;
  readonly exited: Promise<number | null>;
  /** Waits for the banner; throws with the output when the launcher ends before. */
  untilReady(): Promise<void>;
}

/** A data directory of the test's own, removed after it. */
export async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-launcher-'));
  // The guards of a killed launcher's children may still be ending them.
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }));
  return dataDir;
}

/** Starts a launcher that is killed after the test at the latest. */
export function launch({
  dataDir,
  parameters = ['--port', '0'],
  environment = {},
  through,
}: {
  readonly dataDir: string;
  readonly parameters?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A program that runs the launcher as its child, with these parameters before it. */
  readonly through?: readonly [string, ...string[]];
}): Launcher {
  const [command, ...before] = through ?? [process.execPath];
  const launcher = process.execPath;
  const own = [main, 'start', '--data-dir', dataDir, ...parameters];
  const child = spawn(command, through ? [...before, launcher, ...own] : [...before, ...own], {
    env: { ...process.env, SCRIPTED_MODEL_DELAY_MS: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await exited;
    clearTimeout(timer);
  });
  return {
    process: child,
    dataDir,
    output: () => output,
    exited,
    async untilReady() {
      const deadline = AbortSignal.timeout(startMs);
      while (!output.includes('curl -N ')) {
        if (child.exitCode !== null || deadline.aborted)
          throw new Error(`The launcher did not start:\n${output}`);
        await Promise.race([once(child.stdout, 'data', { signal: deadline }), exited]).catch(() => undefined);
      }
    },
  };
}

/** All processes below one, its guards' children included. Those that work in `dataDir` count too, whoever started them. */
export function processesOf(launcher: Launcher): readonly ProcessIdentity[] {
  const processes = listProcesses();
  const found = new Set<number>([launcher.process.pid ?? 0]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent, text } of processes) {
      if (found.has(parent) || text.includes(launcher.dataDir)) found.add(pid);
    }
  }
  return [...found].map(identify);
}

/** Of these, those that still run, with what they are: for a readable failure. */
export function stillRunning(processes: readonly ProcessIdentity[]): readonly string[] {
  return processes.filter(isAlive).map(({ pid }) => `${pid} ${describeProcess(pid)}`);
}

function describeProcess(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
  } catch {
    return '';
  }
}

function listProcesses(): readonly { pid: number; parent: number; text: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [{ pid: Number(name), parent, text: describeProcess(Number(name)) }];
      } catch {
        return [];
      }
    });
}

/** The dev file of a stack that runs. */
export async function requireDevFile(dataDir: string) {
  const content = await readDevFile(dataDir);
  if (!content) throw new Error(`There is no dev.json in ${dataDir}.`);
  return content;
}
