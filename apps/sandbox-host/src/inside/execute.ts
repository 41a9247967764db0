import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { ExecuteRequest } from '@daytona/toolbox-api-client';

export type ExecuteOutcome =
  | { readonly outcome: 'exited'; readonly exitCode: number; readonly result: string }
  | { readonly outcome: 'timed-out' };

// A bash whose standard input is a socket, as pipes of Node are, would read the guest's ~/.bashrc first.
const shell = existsSync('/bin/bash')
  ? { file: '/bin/bash', arguments: ['--norc', '--noprofile'] }
  : { file: '/bin/sh', arguments: [] };
const defaultTimeoutS = 360;
/** Output beyond it is read and dropped: this process must not grow with what a command prints. */
const maxOutputBytes = 16 * 1024 * 1024;

/**
 * Runs shell text in its own process group, as a shell's standard input (so that its length has no limit), and
 * answers when its output has ended. When the time is over the whole group is killed.
 */
export function execute({ command, cwd, envs, timeout }: ExecuteRequest): Promise<ExecuteOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(shell.file, shell.arguments, {
      cwd: cwd ?? '/workspace',
      env: { ...process.env, ...envs },
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
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
