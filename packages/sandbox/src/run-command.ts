import { AppError } from '@switchyard/protocol';
import { maxBackgroundCommands, readerKey } from './background-text.ts';
import { callKey, createNonce, tokenOf } from './call-key.ts';
import { startScript } from './call-scripts.ts';
import { ClaimTakenError } from './claim-taken-error.ts';
import { followCommand, maxBytesPerAnswer } from './follow-command.ts';
import type { RemoteSandbox } from './remote-sandbox.ts';
import type { AttachOptions, CommandOptions, CommandResult } from './sandbox.ts';
import { sessionEnvironment, sessionText } from './session-text.ts';
import { resolveWorkspacePath, workspaceRoot } from './workspace-path.ts';

/** Most commands end within it, and then one request is all it takes. */
const firstWaitSeconds = 0.3;
/** What is wrong with a command in the background shows mostly at once: a port that is taken, a file that is not there. */
const backgroundWaitSeconds = 0.7;
/** What a command is shown as in a list. */
const maxLabelCharacters = 300;
const tooManyText = `${maxBackgroundCommands} commands run in the background of this sandbox already; no more may. End one that is no longer needed.`;

/** Starts commands in one sandbox. */
export interface CommandRunner {
  readonly remote: RemoteSandbox;
  readonly incarnation: string;
  /** Calls without a claim that have ended; the next start removes them. */
  endedKeys: string[];
}

/** Starts a command and follows it to its end. */
export async function runCommand(runner: CommandRunner, options: CommandOptions): Promise<CommandResult> {
  const { remote, incarnation } = runner;
  const { claim, signal } = options;
  const cwd = options.cwd === undefined ? null : resolveWorkspacePath(options.cwd);
  const { command, session } = options;
  signal.throwIfAborted();
  const nonce = createNonce();
  const key = claim ? callKey(claim.callId) : `run-${nonce}`;
  const token = tokenOf(claim?.incarnation ?? incarnation);
  const forgetKeys = runner.endedKeys;
  runner.endedKeys = [];
  const script = startScript({
    forgetKeys,
    key,
    token,
    nonce,
    command,
    session:
      session === undefined
        ? null
        : { text: sessionText({ session, token, cwd }), environment: sessionEnvironment(session, token) },
    cwd: cwd ?? workspaceRoot,
    label: session === undefined ? null : command.slice(0, maxLabelCharacters).toWellFormed(),
    reader: options.isBackground ? readerKey(options.readerId ?? '') : null,
    resultJson: claim?.result === undefined ? null : JSON.stringify(claim.result),
    maxBytes: maxBytesPerAnswer,
    waitSeconds: options.isBackground ? backgroundWaitSeconds : firstWaitSeconds,
  });
  const started = remote
    .runScript(script, { what: 'start a command', signal: new AbortController().signal })
    .then((answer) => {
      switch (answer.words[0]) {
        case 'taken':
          throw new ClaimTakenError(claim?.callId ?? key, 'taken');
        case 'incarnation':
          if (claim) throw new ClaimTakenError(claim.callId, 'incarnation');
          return answer;
        case 'full':
          throw new AppError('conflict', tooManyText);
        case 'no-folder':
          throw new AppError('not_found', 'The working directory does not exist.');
        default:
          return answer;
      }
    });
  const result = await followCommand(remote, { ...options, key, token, nonce }, started);
  if (!claim) runner.endedKeys.push(key);
  return result;
}

/** Follows a command that another process started under a claim. */
export function attachToCommand(
  remote: RemoteSandbox,
  { callId, incarnation, ...options }: AttachOptions,
): Promise<CommandResult> {
  const call = { key: callKey(callId), token: tokenOf(incarnation), nonce: null };
  return followCommand(remote, { ...options, ...call }, null);
}
