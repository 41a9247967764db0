import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGuardedProcess } from '@switchyard/stand-ins';
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
  readonly exited: Promise<number>;
  readonly isRunning: () => boolean;
  /** A bare signal: SIGKILL, SIGSTOP, SIGCONT … */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

const keptLines = 2000;
/** Loading takes a third of a second; the rest is for a machine under load. */
const readyMs = 60_000;

/** Starts an app of the repository, or of another checkout of it, and waits for its ready line. Ends with its starter. */
export async function startMember(options: {
  readonly app: 'gateway' | 'worker' | 'sandbox-host';
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Default: this repository. */
  readonly checkout?: string;
}): Promise<Member> {
  const { app, name, environment, checkout = root } = options;
  const lines: string[] = [];
  const child = await startGuardedProcess({
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', path.join(checkout, 'apps', app, 'src', 'main.ts')],
    environment: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: path.join(root, '.cache/node-compile'),
      ...environment,
    },
    workingDirectory: checkout,
    stopSignal: 'TERM',
    onLine(line) {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
    },
  });
  let isRunning = true;
  const exited = child.exited.then((code) => {
    isRunning = false;
    return code;
  });
  const ready = await Promise.race([
    child.nextLine(/"msg":"ready"/),
    exited,
    delay(readyMs, null, { ref: false }),
  ]);
  if (typeof ready !== 'string') {
    await child.stop(0);
    throw new Error(`The ${name} did not start:\n${lines.slice(-20).join('\n')}`);
  }
  const { url = null, adminUrl = null } = JSON.parse(ready) as { url?: string; adminUrl?: string };
  const signal = (name: NodeJS.Signals) => {
    if (isRunning) process.kill(child.pid, name);
  };
  return {
    name,
    pid: child.pid,
    url,
    adminUrl,
    lines,
    exited,
    isRunning: () => isRunning,
    signal,
    async end(name) {
      signal(name);
      await exited;
    },
  };
}
