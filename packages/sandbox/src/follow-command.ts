import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@switchyard/protocol';
import { createOutputCollector } from './output-collector.ts';
import type { RemoteSandbox, ScriptAnswer } from './remote-sandbox.ts';
import type { CommandOptions, CommandResult } from './sandbox.ts';
import { leaveScript } from './background-scripts.ts';
import { readerKey } from './background-text.ts';
import { outputSizeScript, settleOutputScript, stopScript, waitScript } from './call-scripts.ts';
import { logPathOf } from './command-log.ts';
import { createTerminalText } from './terminal-text.ts';

const defaultMaxOutputBytes = 1024 * 1024;
/** What one answer carries; about a third more as base64. */
export const maxBytesPerAnswer = 1024 * 1024;
/** A reader that is further behind skips to the end: viewers want now, and the result keeps head and tail only. */
const maxBytesBehind = 8 * 1024 * 1024;
/** A command that prints more is stopped: its output fills the sandbox's /tmp. */
const maxOutputFileBytes = 256 * 1024 * 1024;
/** Outputs up to this size stay, for a recovery and for who wants to read what was left out: /tmp is memory. */
const maxKeptOutputBytes = 16 * 1024 * 1024;
/** From here on it is worth a request to make room among the outputs that are kept. */
const largeOutputBytes = 1024 * 1024;
const waitSeconds = 1;
/** A command that prints without pause is asked for its output no more often than this. */
const minPollMs = 150;
const stopTimeoutMs = 10_000;
/** How often "its process is gone and no exit code is there" must be seen: the recorder may be a moment late. */
const maxEndedSightings = 5;
/** A claim without a process is an effect of one request, or a start that was cut: neither takes longer. */
const maxStartingMs = 60_000;

type Interruption = 'aborted' | 'timed-out';

interface Following {
  readonly key: string;
  readonly token: string;
  /** Null when somebody else started it. */
  readonly nonce: string | null;
  readonly timeoutMs: number;
  readonly isLeftAtTimeout?: boolean | undefined;
  readonly isBackground?: boolean | undefined;
  readonly readerId?: string | undefined;
  readonly maxOutputBytes?: number | undefined;
  readonly isTerminalText?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onOutput?: CommandOptions['onOutput'] | undefined;
  readonly isKilledBy?: CommandOptions['isKilledBy'] | undefined;
}

/** Settles when the signal is aborted or the time is over. */
function watch(signal: AbortSignal, timeoutMs: number): { interruption: Promise<Interruption>; end(): void } {
  const { promise, resolve } = Promise.withResolvers<Interruption>();
  const onAbort = (): void => resolve('aborted');
  const timer = setTimeout(() => resolve('timed-out'), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return {
    interruption: promise,
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * Follows a call to its end. `first` is the answer of the request that started it, still under way; null when it was
 * started by somebody else. An interruption kills the process group at once, whatever request is under way.
 */
export async function followCommand(
  remote: RemoteSandbox,
  following: Following,
  first: Promise<ScriptAnswer> | null,
): Promise<CommandResult> {
  const { key, token, nonce, signal, onOutput, isKilledBy = () => true } = following;
  const startedAt = performance.now();
  const collector = createOutputCollector(following.maxOutputBytes ?? defaultMaxOutputBytes);
  const decoder = new StringDecoder('utf8');
  const terminal = following.isTerminalText === true ? createTerminalText() : null;
  const watching = watch(signal, following.timeoutMs);
  // Requests go on when the caller gives up: what they find is still needed to kill and to read the rest.
  const ownSignal = new AbortController().signal;
  let offset = 0;
  let size = 0;
  let endedSightings = 0;

  function take(bytes: Buffer): void {
    offset += bytes.length;
    if (bytes.length === 0) return;
    const text = decoder.write(bytes);
    collector.push(terminal ? Buffer.from(terminal.push(text)) : bytes);
    if (text !== '') onOutput?.('stdout', text);
  }

  const wait = (seconds: number): Promise<ScriptAnswer> =>
    remote.runScript(waitScript({ key, token, offset, maxBytes: maxBytesPerAnswer, waitSeconds: seconds }), {
      what: 'wait for a command',
      signal: ownSignal,
    });

  async function stop(reason: 'killed' | 'timed-out'): Promise<void> {
    await remote.runScript(stopScript({ key, token, nonce, reason }), {
      what: 'stop a command',
      signal: ownSignal,
      timeoutMs: stopTimeoutMs,
    });
  }

  /** Where a full answer says that the reader is behind: how far, and whether the command must be stopped. */
  async function catchUp(): Promise<void> {
    const answer = await remote.runScript(outputSizeScript({ key }), {
      what: 'measure output',
      signal: ownSignal,
    });
    size = Number(answer.words[1] ?? 0);
    if (size > maxOutputFileBytes) await stop('killed');
    const behind = size - offset;
    if (behind <= maxBytesBehind) return;
    const skipped = behind - maxBytesPerAnswer;
    if (terminal) collector.push(Buffer.from(terminal.finish()));
    collector.skip(skipped);
    offset += skipped;
    onOutput?.('stdout', `\n[… ${skipped} bytes left out …]\n`);
  }

  /** Whether the command goes on in the background from here on. */
  async function leave(): Promise<boolean> {
    const reader = readerKey(following.readerId ?? '');
    const answer = await remote.runScript(leaveScript({ key, token, reader, offset }), {
      what: 'leave a command',
      signal: ownSignal,
    });
    if (answer.words[0] === 'full') await stop('timed-out');
    return answer.words[0] === 'left';
  }

  function finish(code: string): CommandResult {
    const rest = decoder.end();
    if (rest !== '') onOutput?.('stdout', rest);
    if (terminal) collector.push(Buffer.from(terminal.push(rest) + terminal.finish()));
    const exitCode = /^\d+$/.test(code) ? Number(code) : null;
    return {
      exitCode,
      outcome: outcomeOf(code),
      ...collector.finish(),
      log: {
        path: code === 'running' || offset <= maxKeptOutputBytes ? logPathOf(key, token) : null,
        bytes: offset,
      },
      durationMs: Math.round(performance.now() - startedAt),
    };
  }

  async function settle(): Promise<void> {
    if (offset <= largeOutputBytes) return;
    const isKept = offset <= maxKeptOutputBytes;
    await remote.runScript(settleOutputScript({ key, isKept }), {
      what: 'settle an output',
      signal: ownSignal,
    });
  }

  async function followToEnd(): Promise<CommandResult> {
    let request = first ?? wait(0);
    let interruption: Interruption | null = null;
    for (;;) {
      const askedAt = performance.now();
      if (!interruption) {
        const answered = request.then(() => null);
        interruption = await Promise.race([answered, watching.interruption]);
        if (interruption === 'aborted') {
          request.catch(() => undefined);
          if (isKilledBy(signal.reason)) await stop('killed');
          signal.throwIfAborted();
        }
        if (interruption === 'timed-out') {
          if (!following.isLeftAtTimeout) await stop('timed-out');
          else if (await leave()) {
            // What it brings is for the next who asks.
            request.catch(() => undefined);
            return finish('running');
          }
        }
      }
      const { words, lines } = await request;
      const bytes = lines[0] ?? Buffer.alloc(0);
      const [state = '', code = ''] = words;
      switch (state) {
        case 'exited':
        case 'starting':
        case 'running':
        case 'ended':
          take(bytes);
          break;
        case 'gone':
        case 'incarnation':
          throw new AppError('sandbox_failed', 'The sandbox was started anew; the command is gone.');
        default:
          throw new AppError('sandbox_failed', 'The sandbox gave an unknown answer.', {
            cause: new Error(state),
          });
      }
      if (following.isBackground && (state === 'running' || state === 'starting')) return finish('running');
      const isFull = bytes.length === maxBytesPerAnswer;
      if (isFull) await catchUp();
      else if (state === 'exited') {
        await settle();
        return finish(code);
      } else if (state === 'ended' && ++endedSightings >= maxEndedSightings) {
        await settle();
        return finish('killed');
      } else if (state === 'starting' && performance.now() - startedAt > maxStartingMs) {
        return finish('killed');
      }
      const restMs = minPollMs - (performance.now() - askedAt);
      if (state !== 'exited' && restMs > 0 && !first)
        await Promise.race([delay(restMs), watching.interruption]);
      first = null;
      request = wait(state === 'running' && !isFull ? waitSeconds : 0);
    }
  }

  try {
    return await followToEnd();
  } finally {
    watching.end();
  }
}

function outcomeOf(code: string): CommandResult['outcome'] {
  if (/^\d+$/.test(code)) return 'exited';
  return code === 'timed-out' || code === 'running' ? code : 'killed';
}
