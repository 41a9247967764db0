import { spawn } from 'node:child_process';

/** After a signal a test runner still stops its services. */
const killMs = 15_000;

/**
 * Runs a program to its end; `exitCode` is null when it ran into its time limit. Our own SIGTERM, SIGINT and SIGHUP end
 * it too. It works without network and reports to nobody.
 */
export async function runProgram({
  command,
  parameters,
  root,
  timeoutMs,
  isShown,
}: {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly root: string;
  readonly timeoutMs: number;
  /** Its output goes to ours as it comes; else it is only collected. */
  readonly isShown: boolean;
}): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const child = spawn(command, parameters, {
    cwd: root,
    env: {
      ...process.env,
      TURBO_TELEMETRY_DISABLED: '1',
      TURBO_NO_UPDATE_NOTIFIER: '1',
      DO_NOT_TRACK: '1',
      NO_UPDATE_NOTIFIER: '1',
    },
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', isShown ? 'inherit' : 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  let isLate = false;
  const end = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), killMs).unref();
  };
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  const stop = (signal: NodeJS.Signals) => {
    end();
    child.once('close', () => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += `${command} cannot be started: ${error.message}\n`;
      resolve(127);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
  clearTimeout(timer);
  for (const signal of signals) process.off(signal, stop);
  return { exitCode: isLate ? null : exitCode, output };
}
