import { defineTool, RunStopped, type ToolContext } from '@switchyard/agent';
import { type CommandResult, terminalText } from '@switchyard/sandbox';
import { z } from 'zod';
import { adviceFor, signalAdvice } from './command-advice.ts';
import { truncateMiddle } from './truncate-middle.ts';

const defaultSession = 'main';
const defaultSeconds = 120;
const maxSeconds = 1800;
const maxCommandCharacters = 100_000;
/** About 8,000 tokens; the command can write more into a file. */
const maxOutputBytes = 32 * 1024;
/** Of one command, in characters: every viewer gets them, and the run's log keeps them for a day. A guess. */
const maxLiveCharacters = 256 * 1024;

const inputSchema = z.strictObject({
  command: z
    .string()
    .min(1)
    .max(maxCommandCharacters)
    .describe('Shell text for bash; may span several lines and hold heredocs.'),
  session: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'A name of at most 40 letters, digits, dots, dashes and underscores.')
    .optional()
    .describe(
      `A session of this conversation; one that does not exist yet is begun. Default ${defaultSession}.`,
    ),
  cwd: z
    .string()
    .min(1)
    .optional()
    .describe('Folder in the workspace to go to first, as by cd: the session stays there.'),
  timeout_seconds: z
    .int()
    .min(1)
    .max(maxSeconds)
    .optional()
    .describe(`When to kill it, at most ${maxSeconds} seconds. Default ${defaultSeconds}.`),
  consent: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe(
      'Set it for a command that cannot be undone, spends money or acts on the world outside: one sentence for the user, what it will do and why. The command then waits, and runs only if the user agrees.',
    ),
});

function timeoutOf(input: z.infer<typeof inputSchema>): number {
  return (input.timeout_seconds ?? defaultSeconds) * 1000;
}

/** Runs a command to its end. */
export const shellTool = defineTool({
  name: 'shell',
  description: [
    'Runs a command in the sandbox and waits for its end.',
    `Sessions: the folder and the exported variables that a command leaves live on for the next command of its session, also after exit or a failure; functions, aliases, shell options and other variables do not, and every command is a shell process of its own. A session begins in /workspace. Calls of one session run one after the other, those of different sessions of one answer side by side. When the sandbox is started anew, sessions begin anew.`,
    'There is no terminal and nobody to answer a prompt: standard input is empty, editors and pagers do not open. Where HTTP_PROXY is set, the network is reached only through that proxy, and there is no DNS.',
    `The result holds the exit code and stdout and stderr as they came, at most ${maxOutputBytes / 1024} KiB: the beginning and the end, with a mark between that says how much is left out, and a file with all of it that read_file and grep take. Escape sequences are dropped, and of a progress bar only its last state is shown.`,
    `After timeout_seconds (${defaultSeconds} unless you say otherwise, at most ${maxSeconds}) the command and all that it started are killed; the output up to then is kept. Start what does not end by itself, such as a server, in the background with its output in a file: nohup … > server.log 2>&1 &`,
  ].join('\n'),
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  consent: ({ consent }) => consent ?? null,
  lane: ({ session = defaultSession }) => session,
  async execute(input, context) {
    const sandbox = await context.sandbox();
    const timeoutMs = timeoutOf(input);
    const result = await sandbox.run({
      command: input.command,
      session: `${context.threadId} ${input.session ?? defaultSession}`,
      isTerminalText: true,
      ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
      timeoutMs,
      maxOutputBytes,
      signal: context.signal,
      onOutput: liveOutput(context),
      isKilledBy: endsCommand,
      claim: await context.claim(),
    });
    return { outcome: 'ok', output: describe(result, input) };
  },
  timeoutMs: timeoutOf,
  recover: ({ exitCode, isTimedOut, output }, input) => ({
    outcome: 'ok',
    output: {
      exitCode,
      output: truncateMiddle(terminalText(output), maxOutputBytes),
      durationMs: null,
      timedOut: isTimedOut,
      note: recoveredNote({ exitCode, isTimedOut, seconds: timeoutOf(input) / 1000 }),
    },
  }),
});

function recoveredNote(ended: {
  readonly exitCode: number | null;
  readonly isTimedOut: boolean;
  readonly seconds: number;
}): string {
  if (ended.isTimedOut) return timedOutNote(ended.seconds);
  return ended.exitCode === null
    ? 'The command was killed while nobody watched it.'
    : 'The command ended while nobody watched it; this is its recorded result.';
}

function timedOutNote(seconds: number): string {
  return `Killed after ${seconds} s with all that it started. Give it more time (timeout_seconds up to ${maxSeconds}), less to do, or start it in the background with its output in a file.`;
}

/** A run that moves to another worker leaves its command running; whoever goes on finds it by its claim. */
function endsCommand(reason: unknown): boolean {
  if (!(reason instanceof RunStopped)) return true;
  switch (reason.stopCause) {
    case 'cancelled':
    case 'time-limit':
      return true;
    case 'hand-over':
    case 'lost':
      return false;
  }
}

function liveOutput(context: ToolContext): (stream: 'stdout' | 'stderr', text: string) => void {
  let shown = 0;
  return (stream, text) => {
    if (shown >= maxLiveCharacters) return;
    shown += text.length;
    context.emitOutput(stream, text);
    if (shown >= maxLiveCharacters)
      context.emitOutput(stream, '\n[… no more live output; wait for the result …]\n');
  };
}

function describe(result: CommandResult, input: z.infer<typeof inputSchema>) {
  const { exitCode, outcome, output, durationMs } = result;
  const notes = [
    endNote(outcome, input),
    signalAdvice(exitCode),
    adviceFor({ command: input.command, exitCode, output }),
    logNote(result),
  ].filter((note) => note !== null);
  return {
    exitCode,
    output,
    durationMs,
    timedOut: outcome === 'timed-out',
    ...(notes.length === 0 ? {} : { note: notes.join(' ') }),
  };
}

function endNote(outcome: CommandResult['outcome'], input: z.infer<typeof inputSchema>): string | null {
  switch (outcome) {
    case 'exited':
      return null;
    case 'timed-out':
      return timedOutNote(timeoutOf(input) / 1000);
    case 'killed':
      return 'Killed before its end: by a signal, or for printing without end.';
  }
}

/** Where all of an output is that is shown in part. */
function logNote({ isTruncated, log }: CommandResult): string | null {
  if (!isTruncated) return null;
  return log.path === null
    ? `It printed ${log.bytes} bytes, too much to keep; have it write into a file of the workspace.`
    : `All ${log.bytes} bytes that it printed are in ${log.path}, which read_file and grep take; it is kept for some hours.`;
}
