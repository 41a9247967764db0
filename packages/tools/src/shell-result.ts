import type { CallRecord, LeftCommand } from '@switchyard/agent';
import { commandIdOf, type CommandResult, terminalText } from '@switchyard/sandbox';
import { adviceFor, signalAdvice } from './command-advice.ts';
import { logNote, maxOutputBytes } from './command-text.ts';
import { truncateMiddle } from './truncate-middle.ts';

/** What was asked for. */
export interface ShellRequest {
  readonly command: string;
  readonly isBackground: boolean;
  /** How long its end was to be waited for. */
  readonly seconds: number;
}

/** A command's result as the model reads it. */
export function describeResult(
  result: CommandResult,
  { callId, request }: { readonly callId: string; readonly request: ShellRequest },
) {
  const { exitCode, outcome, output, durationMs, isTruncated, log } = result;
  if (outcome === 'running') return describeRunning({ callId, output, durationMs, log: log.path }, request);
  const notes = [
    endNote(outcome, request),
    signalAdvice(exitCode),
    adviceFor({ command: request.command, exitCode, output }),
    isTruncated ? logNote(log) : null,
  ];
  return { exitCode, output, durationMs, timedOut: outcome === 'timed-out', ...noteOf(notes) };
}

/** The same of a command that an earlier worker had started, and that has ended. */
export function describeRecord(record: CallRecord, request: ShellRequest) {
  const { exitCode, isTimedOut, logPath } = record;
  const { output, isCut } = shown(record.output);
  const notes = [
    isTimedOut ? endNote('timed-out', request) : recoveredText(exitCode),
    signalAdvice(exitCode),
    isCut ? `What it printed is in ${logPath}, unless it was too much to keep.` : null,
  ];
  return { exitCode, output, durationMs: null, timedOut: isTimedOut, ...noteOf(notes) };
}

/** The same of one that goes on. */
export function describeLeft({ callId, output, logPath }: LeftCommand, request: ShellRequest) {
  return describeRunning({ callId, output: shown(output).output, durationMs: null, log: logPath }, request);
}

function shown(recorded: string): { readonly output: string; readonly isCut: boolean } {
  const plain = terminalText(recorded);
  const output = truncateMiddle(plain, maxOutputBytes);
  return { output, isCut: output !== plain };
}

function describeRunning(
  running: {
    readonly callId: string;
    readonly output: string;
    readonly durationMs: number | null;
    readonly log: string | null;
  },
  { isBackground, seconds }: ShellRequest,
) {
  const id = commandIdOf(running.callId);
  return {
    exitCode: null,
    running: true,
    id,
    output: running.output,
    durationMs: running.durationMs,
    timedOut: !isBackground,
    log: running.log,
    note: isBackground
      ? `Runs in the background as ${id}. shell_check shows its output and its end, shell_input writes to it, shell_kill ends it.`
      : `Not ended after ${seconds} s: it goes on in the background as ${id}, and the session is as it was before. shell_check with wait_seconds waits for it, shell_kill ends it.`,
  };
}

function endNote(
  outcome: Exclude<CommandResult['outcome'], 'running'>,
  request: ShellRequest,
): string | null {
  switch (outcome) {
    case 'exited':
      return request.isBackground ? 'It has ended already, so it is not in the background.' : null;
    case 'timed-out':
      return `Killed after ${request.seconds} s with all that it started, since as many commands run in the background as may. End one that is no longer needed, with shell_kill.`;
    case 'killed':
      return 'Killed before its end: by a signal, or for printing without end.';
  }
}

function recoveredText(exitCode: number | null): string {
  return exitCode === null
    ? 'The command was killed while nobody watched it.'
    : 'The command ended while nobody watched it; this is its recorded result.';
}

function noteOf(notes: readonly (string | null)[]): { readonly note?: string } {
  const said = notes.filter((note) => note !== null);
  return said.length === 0 ? {} : { note: said.join(' ') };
}
