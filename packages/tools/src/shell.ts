import { defineTool, RunStopped, type ToolContext } from '@switchyard/agent';
import { maxBackgroundBytes, maxBackgroundCommands } from '@switchyard/sandbox';
import { z } from 'zod';
import { commandSubjects } from './subjects.ts';
import { maxOutputBytes } from './command-text.ts';
import { describeLeft, describeRecord, describeResult } from './shell-result.ts';

const defaultSession = 'main';
const defaultSeconds = 120;
const maxSeconds = 1800;
const maxCommandCharacters = 100_000;
/** Of one command, in characters: every viewer gets them, and the run's log keeps them for a day. A guess. */
const maxLiveCharacters = 256 * 1024;

const restartedText =
  'The sandbox was started anew since this conversation used it last: sessions begin anew in /workspace, and what ran in the background has ended. The workspace is as it was.';

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
    .describe(`How long to wait for its end, at most ${maxSeconds} seconds. Default ${defaultSeconds}.`),
  background: z
    .boolean()
    .optional()
    .describe(
      'Start it in the background and do not wait for its end: for a server, a watcher, a long build, or a program that you want to write to. Default false.',
    ),
  consent: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe(
      'Set it for a command that cannot be undone, spends money or acts on the world outside: one sentence for the user, what it will do and why. The command then waits, and runs only if the user agrees.',
    ),
});

/** Runs a command to its end. */
export const shellTool = defineTool({
  name: 'shell',
  description: [
    'Runs a command in the sandbox and waits for its end, or starts it in the background.',
    `Sessions: the folder and the exported variables that a command leaves live on for the next command of its session, also after exit or a failure; functions, aliases, shell options and other variables do not, and every command is a shell process of its own. A session begins in /workspace. Calls of one session run one after the other, those of different sessions of one answer side by side. When the sandbox is started anew, sessions begin anew.`,
    'There is no terminal and nobody to answer a prompt: standard input is empty, editors and pagers do not open. Where HTTP_PROXY is set, the network is reached only through that proxy, and there is no DNS.',
    `The result holds the exit code and stdout and stderr as they came, at most ${maxOutputBytes / 1024} KiB: the beginning and the end, with a mark between that says how much is left out, and a file with all of it that read_file and grep take. Escape sequences are dropped, and of a progress bar only its last state is shown.`,
    `Time: after timeout_seconds (${defaultSeconds} unless you say otherwise, at most ${maxSeconds}) a command goes on in the background, and the result holds its output up to then.`,
    `Background: the result comes at once, with the id of the command for shell_check, shell_input and shell_kill, and what it printed in its first moment. It begins with the session's folder and variables and leaves the session as it is; its output is kept in a file, up to ${maxBackgroundBytes / 1024 / 1024} MiB, above which it is killed. At most ${maxBackgroundCommands} run at a time in this project's sandbox; they outlive this run, until they end, you end them, or the sandbox is stopped. Do not use nohup or & for what shall go on: nobody would watch it.`,
  ].join('\n'),
  inputSchema,
  effect: 'once',
  needs: 'sandbox',
  consent: ({ consent }) => consent ?? null,
  subjectsOf: ({ command }) => commandSubjects(command),
  lane: ({ session = defaultSession }) => ({ of: 'session', name: session }),
  async execute(input, context) {
    const sandbox = await context.sandbox();
    const timeoutMs = (input.timeout_seconds ?? defaultSeconds) * 1000;
    const result = await sandbox.run({
      command: input.command,
      session: `${context.threadId} ${input.session ?? defaultSession}`,
      isTerminalText: true,
      ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
      timeoutMs,
      isLeftAtTimeout: true,
      isBackground: input.background ?? false,
      readerId: context.threadId,
      maxOutputBytes,
      signal: context.signal,
      onOutput: liveOutput(context),
      isKilledBy: endsCommand,
      claim: await context.claim(),
    });
    const { callId } = context;
    const output = describeResult(result, { callId, request: requestOf(input) });
    if (!context.takeRestart()) return { outcome: 'ok', output };
    const note = 'note' in output ? ` ${output.note}` : '';
    return { outcome: 'ok', output: { ...output, note: restartedText + note } };
  },
  // One in the background is not waited for, by nobody.
  timeoutMs: ({ background, timeout_seconds: seconds = defaultSeconds }) => (background ? 0 : seconds * 1000),
  recover: (record, input) => ({ outcome: 'ok', output: describeRecord(record, requestOf(input)) }),
  recoverLeft: (left, input) => ({ outcome: 'ok', output: describeLeft(left, requestOf(input)) }),
});

function requestOf({ command, background = false, timeout_seconds: seconds }: z.infer<typeof inputSchema>) {
  return { command, isBackground: background, seconds: seconds ?? defaultSeconds };
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
