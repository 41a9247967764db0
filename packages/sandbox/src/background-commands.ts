import { AppError } from '@switchyard/protocol';
import { bytesBefore, checkScript, endScript, inputScript } from './background-scripts.ts';
import { readerKey } from './background-text.ts';
import { callKey, createNonce, idOfKey, tokenOf } from './call-key.ts';
import { ClaimTakenError } from './claim-taken-error.ts';
import { effectClaim } from './claimed-effect.ts';
import { logPathOf } from './command-log.ts';
import { createOutputCollector } from './output-collector.ts';
import type { RemoteSandbox, ScriptAnswer } from './remote-sandbox.ts';
import type { Claim, CommandDeed, CommandState, Sandbox } from './sandbox.ts';
import { createTerminalText } from './terminal-text.ts';

/** What is fetched of one command's new output: its beginning and its end. */
const maxFetchedBytes = 512 * 1024;
/** One request waits no longer. */
const maxWaitMs = 1000;
const idPattern = /^[0-9a-f]{12}$/;

/** How many bytes at the end belong to a character that is not complete. */
function brokenEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

/**
 * The text of new bytes of a command that is read piece by piece: a character that a former end had cut is given now, one
 * that this end cuts is left to the next piece. `bytes` begins up to `bytesBefore` early, and `tail` is empty when it is all.
 */
export function newText(piece: {
  readonly bytes: Buffer;
  readonly tail: Buffer;
  /** How many of the bytes were there before. */
  readonly before: number;
  readonly leftOut: number;
  readonly isLast: boolean;
  readonly maxBytes: number;
}): string {
  const { bytes, tail, before, leftOut, isLast, maxBytes } = piece;
  const terminal = createTerminalText();
  const collector = createOutputCollector(maxBytes);
  const plain = (text: Buffer, isWhole: boolean): Buffer => {
    const whole = isWhole ? text : text.subarray(0, text.length - brokenEnd(text));
    return Buffer.from(terminal.push(whole.toString('utf8')) + terminal.finish());
  };
  const first = bytes.subarray(before - brokenEnd(bytes.subarray(0, before)));
  collector.push(plain(first, leftOut === 0 && isLast));
  if (leftOut > 0) {
    collector.skip(leftOut);
    // Up to three bytes of a character that the cut went through.
    const start = tail.findIndex((byte) => (byte & 0xc0) !== 0x80);
    collector.push(plain(tail.subarray(Math.max(0, start)), isLast));
  }
  return collector.finish().output;
}

function parseCommands({ lines }: ScriptAnswer, token: string, maxOutputBytes: number) {
  const count = Math.floor(lines.length / 4);
  return Array.from({ length: count }, (_, index) => {
    const [status, label, head, tail] = lines
      .slice(index * 4, index * 4 + 4)
      .map((line) => Buffer.from(line));
    const words = (status?.toString('latin1') ?? '').split(' ');
    const [key = '', end = ''] = words;
    const [from = 0, size = 0, told = 0, seconds = 0, input = 0] = words.slice(2).map(Number);
    return {
      wasTold: told === 1,
      state: {
        id: idOfKey(key),
        command: label?.toString('utf8') ?? '',
        status: statusOf(end),
        exitCode: /^\d+$/.test(end) ? Number(end) : null,
        startedSecondsAgo: Math.max(0, seconds),
        hasInput: input === 1,
        output: textOf({
          head,
          tail,
          from,
          size,
          isLast: end !== 'running',
          maxOutputBytes: maxOutputBytes / count,
        }),
        from,
        size,
        logPath: logPathOf(key, token),
      } satisfies CommandState,
    };
  });
}

function textOf(piece: {
  readonly head: Buffer | undefined;
  readonly tail: Buffer | undefined;
  readonly from: number;
  readonly size: number;
  readonly isLast: boolean;
  readonly maxOutputBytes: number;
}): string {
  const { head = Buffer.alloc(0), tail = Buffer.alloc(0), from, size, isLast } = piece;
  const before = Math.min(bytesBefore, from);
  const leftOut = tail.length === 0 ? 0 : size - (from - before) - head.length - tail.length;
  return newText({ bytes: head, tail, before, leftOut, isLast, maxBytes: Math.ceil(piece.maxOutputBytes) });
}

function statusOf(end: string): CommandState['status'] {
  if (/^\d+$/.test(end)) return 'exited';
  return end === 'running' || end === 'flooded' || end === 'lost' ? end : 'killed';
}

/** Commands in the background of a sandbox, by their ids. */
export function createBackgroundCommands(
  remote: RemoteSandbox,
  incarnation: string,
): Pick<Sandbox, 'checkCommands' | 'sendInput' | 'endCommand'> {
  const token = tokenOf(incarnation);

  async function act(
    script: string,
    options: { readonly what: string; readonly claim: Claim; readonly signal: AbortSignal },
  ): Promise<CommandDeed> {
    const { words } = await remote.runScript(script, options);
    const [word = ''] = words;
    if (word === 'taken' || word === 'incarnation') throw new ClaimTakenError(options.claim.callId, word);
    return deedOf(word);
  }

  return {
    async checkCommands(options) {
      const { ids, readerId, callId, offset = null, until = 'output', waitMs = 0, signal } = options;
      const strangeId = ids?.find((id) => !idPattern.test(id));
      if (strangeId !== undefined) return { unknownId: strangeId };
      const deadline = performance.now() + waitMs;
      for (;;) {
        const leftMs = Math.max(0, deadline - performance.now());
        const script = checkScript({
          token,
          ids,
          reader: readerKey(readerId),
          call: callKey(callId),
          offset,
          until,
          waitSeconds: ids === null ? 0 : Math.min(maxWaitMs, leftMs) / 1000,
          maxBytes: maxFetchedBytes,
        });
        const answer = await remote.runScript(script, { what: 'check commands', signal });
        const [word = '', id = ''] = answer.words;
        if (word === 'unknown') return { unknownId: id };
        if (word !== 'commands')
          throw new AppError('sandbox_failed', 'The sandbox was started anew; its commands are gone.');
        const found = parseCommands(answer, token, options.maxOutputBytes);
        const isOver = found.every(({ state }) => state.status !== 'running');
        const hasNews = found.some(
          ({ state, wasTold }) => state.size > state.from || (state.status !== 'running' && !wasTold),
        );
        if (leftMs === 0 || isOver || (until === 'output' && hasNews))
          return { commands: found.map(({ state }) => state) };
      }
    },

    sendInput({ id, text, isClosing, isInterrupting, signal, claim }) {
      if (!idPattern.test(id)) return Promise.resolve('unknown');
      const script = inputScript({
        claim: effectClaim(claim, createNonce()),
        id,
        text,
        isClosing,
        isInterrupting,
      });
      return act(script, { what: 'write to a command', claim, signal });
    },

    endCommand({ id, signal, claim }) {
      if (!idPattern.test(id)) return Promise.resolve('unknown');
      const script = endScript({ claim: effectClaim(claim, createNonce()), id });
      return act(script, { what: 'end a command', claim, signal });
    },
  };
}

/** What an answer, or what was recorded in place of one, says of a deed. */
export function deedOf(word: string): CommandDeed {
  switch (word) {
    case 'ok':
      return 'done';
    case 'unknown':
    case 'ended':
    case 'closed':
    case 'unread':
      return word;
    default:
      throw new AppError('sandbox_failed', 'The sandbox gave an unknown answer.', { cause: new Error(word) });
  }
}
