import { type CommandState, maxBackgroundBytes } from '@switchyard/sandbox';
import { signalAdvice } from './command-advice.ts';

/** What one answer shows of outputs; about 8,000 tokens. */
export const maxOutputBytes = 32 * 1024;

/** Where all of an output is that is shown in part. */
export function logNote(log: { readonly path: string | null; readonly bytes: number }): string {
  return log.path === null
    ? `It printed ${log.bytes} bytes, too much to keep; have it write into a file of the workspace.`
    : `All ${log.bytes} bytes that it printed are in ${log.path}, which read_file and grep take; it is kept for some hours.`;
}

/** A command in the background as the model reads of it; `output` is what is new. */
export function describeCommand(state: CommandState) {
  const { id, status, exitCode, hasInput, output, size, from } = state;
  const note = noteOf(state);
  return {
    id,
    status,
    ...(status === 'running' ? { takesInput: hasInput } : { exitCode }),
    seconds: state.startedSecondsAgo,
    command: state.command,
    output,
    nextOffset: size,
    ...(from === 0 ? {} : { fromOffset: from }),
    log: state.logPath,
    ...(note === null ? {} : { note }),
  };
}

/** The same in a list: without output. */
export function listCommand({ id, status, exitCode, startedSecondsAgo, command }: CommandState) {
  return {
    id,
    status,
    ...(status === 'running' ? {} : { exitCode }),
    seconds: startedSecondsAgo,
    command: command.replaceAll(/\s+/g, ' ').slice(0, 120),
  };
}

function noteOf({ status, exitCode }: CommandState): string | null {
  switch (status) {
    case 'running':
      return null;
    case 'exited':
      return signalAdvice(exitCode);
    case 'killed':
      return 'It was killed with all that it started.';
    case 'flooded':
      return `It was killed for printing more than ${maxBackgroundBytes / 1024 / 1024} MiB. Have it print less, or write into a file of the workspace.`;
    case 'lost':
      return 'It ended, and nobody recorded how.';
  }
}

/** What the model reads when there is no command of that id. */
export function unknownText(id: string, known: readonly CommandState[]): string {
  const names = known.map((state) => `${state.id} (${state.status}: ${listCommand(state).command})`);
  const list = names.length === 0 ? 'There is none.' : `There are: ${names.join('; ')}.`;
  return `No command ${id} is in the background of this sandbox. ${list} They end when the sandbox is started anew.`;
}
