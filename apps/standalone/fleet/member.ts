import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../src/config.ts';

/** A process of a fleet: one gateway, one worker, as they are deployed. */
export interface Member {
  readonly name: string;
  readonly pid: number;
  /** Of the API; null for a worker. */
  readonly url: string | null;
  readonly adminUrl: string | null;
  /** The newest lines of its log, oldest first. */
  readonly lines: readonly string[];
  readonly exited: Promise<number | null>;
  readonly isRunning: () => boolean;
  /** A bare signal: SIGKILL, SIGSTOP, SIGCONT … */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

const keptLines = 2000;
/** Loading takes a third of a second; the rest is for a machine under load. */
const readyMs = 60_000;

/** Starts an app of the repository, or of another checkout of it, and waits for its ready line. */
export async function startMember(options: {
  readonly app: 'gateway' | 'worker' | 'sandbox-host';
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Default: this repository. */
  readonly checkout?: string;
}): Promise<Member> {
  const { app, name, environment, checkout = root } = options;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(checkout, 'apps', app, 'src', 'main.ts')],
    {
      cwd: checkout,
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: path.join(root, '.cache/node-compile'),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  // A parent that ends leaves nobody behind.
  const killChild = () => void child.kill('SIGKILL');
  process.once('exit', killChild);
  void exited.then(() => process.off('exit', killChild));

  const ready = await readyLine(child, lines);
  if (ready === null) {
    child.kill('SIGKILL');
    throw new Error(`The ${name} did not start:\n${lines.slice(-20).join('\n')}`);
  }
  return {
    name,
    pid: child.pid ?? 0,
    url: ready.url ?? null,
    adminUrl: ready.adminUrl ?? null,
    lines,
    exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => void child.kill(signal),
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
}

interface ReadyLine {
  readonly url?: string;
  readonly adminUrl?: string;
}

async function readyLine(child: ChildProcess, lines: string[]): Promise<ReadyLine | null> {
  const { promise, resolve } = Promise.withResolvers<ReadyLine | null>();
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    if (line.includes('"msg":"ready"')) resolve(JSON.parse(line) as ReadyLine);
  };
  for (const output of [child.stdout, child.stderr]) {
    if (output) createInterface({ input: output }).on('line', keep);
  }
  child.once('exit', () => resolve(null));
  const timer = setTimeout(() => resolve(null), readyMs);
  const ready = await promise;
  clearTimeout(timer);
  return ready;
}
