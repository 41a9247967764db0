import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { ExecuteRequest } from '@daytona/toolbox-api-client';

export type ExecuteOutcome =
  | { readonly outcome: 'exited'; readonly exitCode: number; readonly result: string }
  | { readonly outcome: 'timed-out' };

// dash starts itself and other programs in two thirds of the time that bash takes. A bash whose standard input is a
// socket, as pipes of Node are, would read the guest's ~/.bashrc first.
const shell = [
  { file: '/bin/dash', arguments: [] },
  { file: '/bin/bash', arguments: ['--norc', '--noprofile'] },
].find(({ file }) => existsSync(file)) ?? { file: '/bin/sh', arguments: [] };
const defaultTimeoutS = 360;
/** Output beyond it is read and dropped: this process must not grow with what a command prints. */
const maxOutputBytes = 16 * 1024 * 1024;

type Shell = ChildProcessByStdio<Writable, Readable, null>;

const workspace = '/workspace';
/** Waits for a command: starting one takes as long as most of what tools do with it. */
let readyShell: Shell | null = null;

function startShell(cwd: string, envs: Readonly<Record<string, string>> = {}): Shell {
  return spawn(shell.file, shell.arguments, {
    cwd,
    env: { ...process.env, ...envs },
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Starts the shell of the next command, unless one waits already. Where none can be started the next command says so. */
export function prepareShell(): void {
  if (readyShell) return;
  const started = startShell(workspace);
  readyShell = started;
  const forget = () => {
    if (readyShell === started) readyShell = null;
  };
  started.on('error', forget);
  started.on('exit', forget);
  started.stdin.on('error', forget);
}

function takeShell({ cwd = workspace, envs }: ExecuteRequest): Shell {
  const isUsual = cwd === workspace && Object.keys(envs ?? {}).length === 0;
  // One that was killed meanwhile is forgotten as soon as this process hears of it.
  if (!isUsual || readyShell?.exitCode !== null || readyShell.signalCode !== null)
    return startShell(cwd, envs);
  const taken = readyShell;
  readyShell = null;
  return taken;
}

/**
 * Runs shell text in its own process group, as a shell's standard input (so that its length has no limit), and
 * answers when its output has ended. When the time is over the whole group is killed.
 */
export function execute(request: ExecuteRequest): Promise<ExecuteOutcome> {
  const { command, timeout } = request;
  return new Promise((resolve, reject) => {
    const child = takeShell(request);
    const chunks: Buffer[] = [];
    let size = 0;
    let isTimedOut = false;
    const timer = setTimeout(
      () => {
        isTimedOut = true;
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      },
      (timeout && timeout > 0 ? timeout : defaultTimeoutS) * 1000,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      if (size < maxOutputBytes) chunks.push(chunk);
      size += chunk.length;
    });
    child.stdin.on('error', () => {
      // The shell ended before it had read everything, by `exit` or by a signal: its exit code tells.
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (isTimedOut) return resolve({ outcome: 'timed-out' });
      const result = Buffer.concat(chunks).subarray(0, maxOutputBytes).toString('utf8');
      return resolve({ outcome: 'exited', exitCode: code ?? -1, result });
    });
    // One pipe for both streams keeps their order.
    child.stdin.end(`exec 2>&1\n${command}\n`);
  });
}
