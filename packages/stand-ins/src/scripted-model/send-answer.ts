import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { sendJson } from './http.ts';
import { type Answer, hasToolCall, piecesOfAnswer } from './answer.ts';
import { preciseNow, type RecordedRequest } from './request-log.ts';
import type { AnswerFault } from './scenario.ts';
import { usageOf } from './usage.ts';
import {
  type AnswerEnd,
  type AnswerHeading,
  gatherItems,
  type SentPiece,
  type WireFailure,
  type WireFormat,
} from './wires/wire-format.ts';

/** Everything one answer needs; `signal` is aborted when the client goes away. */
export interface Sending {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly entry: RecordedRequest;
  readonly wire: WireFormat;
  readonly heading: AnswerHeading;
  readonly answer: Answer;
  readonly fault: AnswerFault | null;
  readonly newCallId: () => string;
  /** The request told how calls are written into the text, and named no tools. */
  readonly callsAsText: boolean;
  readonly requestCharacters: number;
}

/** Thrown inside when a scripted fault ends the answer before its end. */
class ScriptedEnd extends Error {
  readonly fault: AnswerFault;

  constructor(fault: AnswerFault) {
    super(`scripted ${fault.kind}`);
    this.fault = fault;
  }
}

/** Pieces that may be sent, in their time: waits at pauses and stalls, ends by a ScriptedEnd or the signal's reason. */
async function* playPieces(sending: Sending, beforeWait: () => Promise<void>): AsyncGenerator<SentPiece> {
  const { answer, fault, signal, entry } = sending;
  for (const piece of piecesOfAnswer(answer, sending)) {
    if (piece.kind === 'pause') {
      await beforeWait();
      await pause(piece.delayMs, undefined, { signal });
      continue;
    }
    if (piece.kind === 'stall') await stall(signal, beforeWait);
    else {
      if (fault?.afterChunks !== undefined && entry.chunks >= fault.afterChunks)
        await strike(fault, signal, beforeWait);
      entry.chunks += 1;
      yield piece;
    }
  }
  if (fault && fault.afterFrames === undefined) await strike(fault, signal, beforeWait);
}

async function strike(
  fault: AnswerFault,
  signal: AbortSignal,
  beforeWait: () => Promise<void>,
): Promise<never> {
  if (fault.kind === 'stall') return stall(signal, beforeWait);
  if (fault.kind !== 'cut' || !isAtOnce(fault)) await beforeWait();
  throw new ScriptedEnd(fault);
}

/** Before anything was sent. */
function isAtOnce({ afterChunks, afterFrames }: AnswerFault): boolean {
  return afterChunks === 0 || afterFrames === 0;
}

/** Silent until the client goes away. */
async function stall(signal: AbortSignal, beforeWait: () => Promise<void>): Promise<never> {
  await beforeWait();
  return new Promise((_resolve, reject) => {
    const abort = () => reject(new Error('the client went away'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Flushed when this much is waiting, so that a long answer without pauses does not pile up in memory. */
const maxBufferedCharacters = 64 * 1024;

const streamHeaders = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

/** Streams an answer as server-sent events; chunks without a pause between them leave in one write. */
export async function streamAnswer(sending: Sending): Promise<void> {
  const { response, entry, answer, wire, fault, signal } = sending;
  const writer = wire.stream(sending.heading);
  const startsSilent = fault?.kind === 'stall' && isAtOnce(fault);

  let buffered = '';
  const flush = async (isLast = false) => {
    if (startsSilent || buffered === '') return;
    const text = buffered;
    buffered = '';
    if (!response.headersSent) response.writeHead(200, streamHeaders);
    entry.firstByteAt ??= preciseNow();
    if (isLast) entry.endedAt = preciseNow();
    for (const bytes of styled(text, answer)) {
      await new Promise<void>((resolve, reject) => {
        response.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    }
  };
  const write = async (frames: string) => {
    for (const frame of framesOf(frames)) {
      if (fault?.afterFrames === entry.frames) await strike(fault, signal, () => flush());
      entry.frames += 1;
      buffered += frame;
    }
    if (buffered.length > maxBufferedCharacters) await flush();
  };
  const end = async () => {
    // What is read to its end by a client that then goes away was not aborted.
    await flush(true);
    if (!response.headersSent) response.writeHead(200, streamHeaders);
    entry.endedAt ??= preciseNow();
    response.end();
  };

  let sentCharacters = 0;
  try {
    await write(writer.begin());
    for await (const piece of playPieces(sending, () => flush())) {
      sentCharacters += lengthOf(piece);
      await write(writer.piece(piece));
    }
    await write(writer.end(endOf(sending, sentCharacters)));
  } catch (error) {
    if (!(error instanceof ScriptedEnd)) throw error;
    if (error.fault.kind === 'cut') {
      entry.endedAt = preciseNow();
      response.destroy();
      return;
    }
    if (error.fault.kind === 'error') {
      const { frame } = error.fault;
      buffered += frame ? `data: ${JSON.stringify(frame)}\n\n` : writer.fail(failureOf(error.fault));
    }
  }
  await end();
}

/** Each with the empty line that ends it. */
function framesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n\n)/);
}

/** The bytes of frames as the answer's style has them, cut as it says. */
function styled(text: string, { style }: Answer): Iterable<string | Buffer> {
  let frames = text;
  if (style?.comments === true) frames = frames.replaceAll(/(?<=^|\n\n)(?=.)/g, ': keep-alive\n\n');
  // A line end inside a JSON text is escaped, so all that are there are the frame's own.
  if (style?.lineEnd === 'crlf') frames = frames.replaceAll('\n', '\r\n');
  return style?.bytesPerWrite === undefined ? [frames] : slices(Buffer.from(frames), style.bytesPerWrite);
}

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** Answers in one JSON document, after the pauses of the script. */
export async function completeAnswer(sending: Sending): Promise<void> {
  const { response, entry, wire, heading, fault, signal } = sending;
  const gathered = gatherItems();
  const nothing = async () => {};
  // Nothing of it is sent: it says how many events a stream would have had by now.
  const writer = wire.stream(heading);
  let frames = 0;
  const pass = async (text: string) => {
    frames += framesOf(text).length;
    if (fault?.afterFrames !== undefined && fault.afterFrames < frames) await strike(fault, signal, nothing);
  };
  let sentCharacters = 0;
  try {
    await pass(writer.begin());
    for await (const piece of playPieces(sending, nothing)) {
      sentCharacters += lengthOf(piece);
      gathered.add(piece);
      await pass(writer.piece(piece));
    }
    await pass(writer.end(endOf(sending, sentCharacters)));
  } catch (error) {
    if (!(error instanceof ScriptedEnd)) throw error;
    entry.endedAt = preciseNow();
    if (error.fault.kind !== 'error') {
      response.destroy();
      return;
    }
    const failure = failureOf(error.fault);
    entry.status = failure.status;
    sendJson(response, failure.status, wire.refusal(failure));
    return;
  }
  entry.firstByteAt = preciseNow();
  entry.endedAt = preciseNow();
  sendJson(response, 200, wire.whole(heading, gathered.items, endOf(sending, sentCharacters)));
}

function lengthOf(piece: SentPiece): number {
  return 'text' in piece ? piece.text.length : piece.name.length;
}

function failureOf({ is = 'status', message }: Extract<AnswerFault, { kind: 'error' }>): WireFailure {
  const status = { status: 500, overloaded: 529, 'context-length': 400 }[is];
  return { kind: is, status, message: message ?? `Scripted ${is === 'status' ? 'failure' : is}.` };
}

function endOf({ answer, requestCharacters, callsAsText }: Sending, sentCharacters: number): AnswerEnd {
  const hasCall = !callsAsText && hasToolCall(answer);
  return {
    finishReason: answer.finishReason ?? (hasCall ? 'tool_calls' : 'stop'),
    usage: usageOf({ answer, requestCharacters, sentCharacters }),
  };
}
