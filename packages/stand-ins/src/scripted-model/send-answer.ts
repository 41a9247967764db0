import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { sendJson } from './http.ts';
import { type Answer, type AnswerPiece, hasToolCall, piecesOfAnswer } from './answer.ts';
import { preciseNow, type RecordedRequest } from './request-log.ts';
import type { Fault } from './scenario.ts';
import { usageOf } from './usage.ts';

/** Everything one answer needs; `signal` is aborted when the client goes away. */
export interface Sending {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly entry: RecordedRequest;
  readonly answer: Answer;
  /** A fault of the middle of the answer, or none. */
  readonly fault: Extract<Fault, { kind: 'cut' | 'stall' }> | null;
  readonly completionId: string;
  readonly newCallId: () => string;
  readonly requestCharacters: number;
}

/** Thrown inside when a scripted cut destroys the connection. */
class ScriptedCut extends Error {}

/** Pieces that may be sent, in their time: waits at pauses and stalls, ends by a ScriptedCut or the signal's reason. */
async function* playPieces(
  sending: Sending,
  beforeWait: () => Promise<void>,
): AsyncGenerator<Exclude<AnswerPiece, { kind: 'pause' | 'stall' }>> {
  const { answer, fault, signal, entry, newCallId } = sending;
  for (const piece of piecesOfAnswer(answer, newCallId)) {
    if (piece.kind === 'pause') {
      await beforeWait();
      await pause(piece.delayMs, undefined, { signal });
      continue;
    }
    if (piece.kind === 'stall') await stall(signal, beforeWait);
    else {
      if (fault && entry.chunks >= fault.afterChunks) await strike(fault, signal, beforeWait);
      entry.chunks += 1;
      yield piece;
    }
  }
  if (fault) await strike(fault, signal, beforeWait);
}

async function strike(
  fault: Extract<Fault, { kind: 'cut' | 'stall' }>,
  signal: AbortSignal,
  beforeWait: () => Promise<void>,
): Promise<never> {
  if (fault.kind === 'stall') return stall(signal, beforeWait);
  if (fault.afterChunks > 0) await beforeWait();
  throw new ScriptedCut();
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

/** Streams an answer as server-sent events; chunks without a pause between them leave in one write. */
export async function streamAnswer(sending: Sending, options: { includeUsage: boolean }): Promise<void> {
  const { response, entry, answer } = sending;
  const head = `data: {"id":${JSON.stringify(sending.completionId)},"object":"chat.completion.chunk","created":${seconds()},"model":${JSON.stringify(entry.body.model)}`;
  const event = (delta: object, finishReason: string | null) =>
    `${head},"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finishReason)}}]}\n\n`;
  const startsSilent = sending.fault?.kind === 'stall' && sending.fault.afterChunks === 0;

  let buffered = event({ role: 'assistant', content: '' }, null);
  const flush = async () => {
    if (startsSilent || buffered === '') return;
    const text = buffered;
    buffered = '';
    if (!response.headersSent) response.writeHead(200, streamHeaders);
    entry.firstByteAt ??= preciseNow();
    await new Promise<void>((resolve, reject) => {
      response.write(text, (error) => (error ? reject(error) : resolve()));
    });
  };

  let sentCharacters = 0;
  try {
    for await (const piece of playPieces(sending, flush)) {
      sentCharacters += 'text' in piece ? piece.text.length : piece.name.length;
      buffered += event(deltaOf(piece), null);
      if (buffered.length > maxBufferedCharacters) await flush();
    }
  } catch (error) {
    if (!(error instanceof ScriptedCut)) throw error;
    entry.endedAt = preciseNow();
    response.destroy();
    return;
  }
  buffered += event({}, finishReasonOf(answer));
  if (options.includeUsage) {
    const usage = usageOf({ answer, requestCharacters: sending.requestCharacters, sentCharacters });
    buffered += `${head},"choices":[],"usage":${JSON.stringify(usage)}}\n\n`;
  }
  if (!response.headersSent) response.writeHead(200, streamHeaders);
  entry.firstByteAt ??= preciseNow();
  entry.endedAt = preciseNow();
  response.end(`${buffered}data: [DONE]\n\n`);
}

/** Flushed when this much is waiting, so that a long answer without pauses does not pile up in memory. */
const maxBufferedCharacters = 64 * 1024;

const streamHeaders = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

function deltaOf(piece: Exclude<AnswerPiece, { kind: 'pause' | 'stall' }>): object {
  switch (piece.kind) {
    case 'text':
      return { content: piece.text };
    case 'reasoning':
      return { reasoning_content: piece.text };
    case 'call': {
      const { index, id, name } = piece;
      return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
    }
    case 'arguments':
      return { tool_calls: [{ index: piece.index, function: { arguments: piece.text } }] };
  }
}

/** Answers in one JSON document, after the pauses of the script. */
export async function completeAnswer(sending: Sending): Promise<void> {
  const { response, entry, answer } = sending;
  let text = '';
  let reasoning = '';
  let sentCharacters = 0;
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] = [];
  try {
    for await (const piece of playPieces(sending, async () => {})) {
      sentCharacters += 'text' in piece ? piece.text.length : piece.name.length;
      if (piece.kind === 'text') text += piece.text;
      else if (piece.kind === 'reasoning') reasoning += piece.text;
      else if (piece.kind === 'call') {
        calls.push({ id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } });
      } else {
        const call = calls[piece.index];
        if (call) call.function.arguments += piece.text;
      }
    }
  } catch (error) {
    if (!(error instanceof ScriptedCut)) throw error;
    entry.endedAt = preciseNow();
    response.destroy();
    return;
  }
  entry.firstByteAt = preciseNow();
  entry.endedAt = preciseNow();
  sendJson(response, 200, {
    id: sending.completionId,
    object: 'chat.completion',
    created: seconds(),
    model: entry.body.model,
    choices: [
      {
        index: 0,
        finish_reason: finishReasonOf(answer),
        message: {
          role: 'assistant',
          content: text === '' && calls.length > 0 ? null : text,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
      },
    ],
    usage: usageOf({ answer, requestCharacters: sending.requestCharacters, sentCharacters }),
  });
}

function finishReasonOf(answer: Answer): string {
  return answer.finishReason ?? (hasToolCall(answer) ? 'tool_calls' : 'stop');
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
