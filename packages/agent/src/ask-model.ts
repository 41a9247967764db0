import type { Logger } from '@switchyard/process';
import { type Chunk, noUsage, type Usage } from '@switchyard/protocol';
import type { FinishReason } from 'ai';
import { type AnsweredCall, createAnswerChunks } from './answer-chunks.ts';
import { describeModelFailure, type ModelFailure } from './model-failure.ts';
import { type ModelDeadlines, type ModelRequest, readAnswer, type ReadOutcome } from './read-answer.ts';
import type { RunJournal } from './run-journal.ts';
import type { RunStop } from './run-stop.ts';
import { addUsage, lengthOfRequest, usageOf } from './usage.ts';
import { pause } from './wait.ts';

/** How often and how patiently a model is asked again. */
export interface RetryPolicy {
  /** Requests for one step, the first one included. */
  readonly maxAttempts: number;
  /** Doubles with each attempt, up to `maxDelayMs`; a jitter of a quarter is added. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** A server that asks for more than this is not waited for. */
  readonly maxRetryAfterMs: number;
}

/** Guesses: about half a minute of trouble is ridden out, a minute when the server asks for it. */
export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 6,
  baseDelayMs: 500,
  maxDelayMs: 10_000,
  maxRetryAfterMs: 60_000,
};

/** Guesses: reasoning models think for minutes before their first token, and then do not pause for long. */
export const defaultModelDeadlines: ModelDeadlines = { firstChunkMs: 180_000, chunkMs: 90_000 };

/** How a step's question ended. What was shown stands in the journal's open step; `usage` counts all attempts. */
export type Asked =
  | {
      readonly outcome: 'answered';
      readonly finishReason: FinishReason;
      readonly calls: readonly AnsweredCall[];
      readonly usage: Usage;
    }
  | { readonly outcome: 'stopped'; readonly modelAbortedAt: string | null; readonly usage: Usage }
  | { readonly outcome: 'failed'; readonly failure: ModelFailure; readonly usage: Usage };

export interface AskModel {
  readonly journal: RunJournal;
  readonly stop: RunStop;
  readonly request: ModelRequest;
  readonly step: number;
  /** Shown already, in front of the answer; shown again when the step is begun anew. */
  readonly lead: readonly Chunk[];
  readonly toolNames: ReadonlySet<string>;
  readonly retry: RetryPolicy;
  readonly deadlines: ModelDeadlines;
  readonly logger: Logger;
}

/**
 * Asks the model until one answer has come to its end. The step's mark is shown with the first chunk, so that a model
 * that never answers leaves no empty step; what a broken attempt had shown is withdrawn by `reset-step`.
 */
export async function askModel(options: AskModel): Promise<Asked> {
  const { journal, stop, request, step, lead, toolNames, retry, deadlines, logger } = options;
  let usage = noUsage;
  for (let attempt = 1; ; attempt += 1) {
    // Nothing was sent, so nothing is charged.
    if (stop.signal.aborted && stop.cause() !== 'lost')
      return { outcome: 'stopped', modelAbortedAt: null, usage };
    const answer = createAnswerChunks({ attempt: `${step}.${attempt}`, knownTools: toolNames });
    let hasShown = false;
    const show = async (...chunks: readonly Chunk[]) => {
      hasShown = true;
      await journal.show(...(journal.step.isOpen ? chunks : [startStep, ...chunks]));
    };
    const spent = (reported: Extract<ReadOutcome, { outcome: 'complete' }>['usage'] | null) =>
      addUsage(
        usage,
        usageOf(reported, {
          request:
            reported?.inputTokens === undefined ? lengthOfRequest(request.instructions, request.messages) : 0,
          writtenLength: answer.writtenLength,
        }),
      );
    let read: ReadOutcome;
    try {
      read = await readAnswer({ request, answer, deadlines, signal: stop.signal, show });
    } catch (error) {
      if (!stop.signal.aborted || stop.cause() === 'lost') throw error;
      return { outcome: 'stopped', modelAbortedAt: new Date().toISOString(), usage: spent(null) };
    }
    if (read.outcome === 'complete') {
      const { finishReason } = read;
      return { outcome: 'answered', finishReason, calls: answer.calls, usage: spent(read.usage) };
    }
    const failure = describeModelFailure(read.error);
    // A request that was refused costs nothing; one whose answer had begun is charged.
    if (hasShown) usage = spent(null);
    const delayMs = delayBefore(attempt, failure, retry);
    logger.warn({ step, attempt, detail: failure.detail, delayMs, error: failure.cause }, 'model failed');
    if (delayMs === null) return { outcome: 'failed', failure, usage };
    if (hasShown) await journal.show({ type: 'reset-step' }, ...lead);
    try {
      await pause(delayMs, stop.signal);
    } catch (error) {
      if (stop.cause() === 'lost') throw error;
      return { outcome: 'stopped', modelAbortedAt: null, usage };
    }
  }
}

/** The mark of a step's beginning. */
export const startStep: Chunk = { type: 'start-step' };

/** How long to wait before the next attempt, in ms; null when there is to be none. */
export function delayBefore(attempt: number, failure: ModelFailure, retry: RetryPolicy): number | null {
  if (!failure.isRetryable || attempt >= retry.maxAttempts) return null;
  if (failure.retryAfterMs !== null) {
    return failure.retryAfterMs <= retry.maxRetryAfterMs ? failure.retryAfterMs : null;
  }
  const delayMs = Math.min(retry.baseDelayMs * 2 ** (attempt - 1), retry.maxDelayMs);
  return delayMs * (1 + Math.random() / 4);
}
