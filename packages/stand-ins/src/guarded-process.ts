import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * A shell of a megabyte that outlives nobody: it starts the command, and stops it when its own standard input closes,
 * which the kernel does however the starter died. File descriptor 3 carries the command's own pid to the starter.
 * The shell itself prints nothing: its starter's pipe may be gone, and a write to it would kill the shell too early.
 * A shell's background command has SIGINT ignored until it installs a handler; Postgres and Redis both do.
 */
const guardScript = `
signal=$1; shift
remove=$1; shift
exec 4<&0 5>&2 2>/dev/null
"$@" </dev/null 2>&5 3>&- 4<&- 5>&- & child=$!
exec 5>&- >/dev/null
echo "$child" >&3
exec 3>&-
trap 'kill -s "$signal" "$child" 2>/dev/null' TERM INT HUP
( read -r line; kill -s "$signal" "$child" 2>/dev/null ) <&4 >/dev/null 2>&1 & watcher=$!
exec 4<&-
while :; do
  wait "$child"; status=$?
  kill -0 "$child" 2>/dev/null || break
done
kill "$watcher" 2>/dev/null
if [ -n "$remove" ]; then rm -rf "$remove"; fi
exit "$status"
`;

export interface GuardedProcess {
  /** The command's own pid, not its guard's. */
  readonly pid: number;
  /** Resolves once the command has ended; 128 + n when signal n ended it. Never rejects. */
  readonly exited: Promise<number>;
  /** The last lines of standard output and error, oldest first. */
  lastLines(): readonly string[];
  /** Resolves with the first line, printed so far or later, that matches. Never settles when none does. */
  nextLine(pattern: RegExp): Promise<string>;
  /** Sends the stop signal and waits; kills the command when it has not ended after `deadlineMs`. Idempotent. */
  stop(deadlineMs?: number): Promise<void>;
}

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly stopSignal: 'INT' | 'TERM';
  /** A directory that the guard removes once the command has ended, also when the starter is dead by then. */
  readonly removeAtEnd?: string;
  readonly onLine?: (line: string) => void;
}

const keptLines = 40;
const defaultStopMs = 10_000;
const lastLinesMs = 200;

/** Starts a command that ends with its starter, also when the starter is killed without a chance to clean up. */
export async function startGuardedProcess(options: GuardedCommand): Promise<GuardedProcess> {
  const guard = spawn(
    '/bin/sh',
    [
      '-c',
      guardScript,
      'guard',
      options.stopSignal,
      options.removeAtEnd ?? '',
      options.command,
      ...options.args,
    ],
    {
      cwd: options.workingDirectory,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', ...options.environment },
      // Its own process group: the terminal's Ctrl-C reaches the starter alone, which then stops in order.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const keep = (line: string) => {
    for (const offer of waiting) offer(line);
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    options.onLine?.(line);
  };
  createInterface({ input: guard.stdout }).on('line', keep);
  createInterface({ input: guard.stderr }).on('line', keep);
  // The guard may be gone when the pipe is closed; that is what was wanted.
  guard.stdin.on('error', () => undefined);

  const exited = new Promise<number>((resolve) => {
    guard.once('error', () => resolve(127));
    guard.once('close', (code) => resolve(code ?? 137));
    // What the command started may hold its output open for long; the last lines come with its end or not at all.
    guard.once('exit', (code) => setTimeout(() => resolve(code ?? 137), lastLinesMs));
  });
  const pid = await readPid(guard.stdio[3] as Readable);
  if (pid === null) throw new Error(`${options.command} could not be started: ${lines.join('\n')}`);

  return {
    pid,
    exited,
    lastLines: () => lines,
    nextLine: (pattern) =>
      new Promise((resolve) => {
        const printed = lines.find((line) => pattern.test(line));
        if (printed !== undefined) return resolve(printed);
        const offer = (line: string) => {
          if (!pattern.test(line)) return;
          waiting.delete(offer);
          resolve(line);
        };
        waiting.add(offer);
      }),
    async stop(deadlineMs = defaultStopMs) {
      guard.stdin.end();
      const timer = setTimeout(() => killIfAlive(pid), deadlineMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function readPid(stream: Readable): Promise<number | null> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) ? pid : null;
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between the deadline and the signal.
  }
}
