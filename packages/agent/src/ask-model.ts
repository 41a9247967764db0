import type { Logger } from '@switchyard/process';
import type { Chunk } from '@switchyard/protocol';
import { type AnsweredCall, createAnswerChunks } from './answer-chunks.ts';
import type { Budget, Shortage } from './budget.ts';
import type { WholeReason } from './finish-reason.ts';
import {
  describeModelFailure,
  ModelStalledError,
  type ModelFailure,
  UnansweredError,
} from './model-failure.ts';
import type { ModelChoice } from './model-choice.ts';
import type { Model } from './models.ts';
import type { ModelDeadlines } from './patience.ts';
import { type ModelRequest, readAnswer, type ReadOutcome } from './read-answer.ts';
import type { RunJournal } from './run-journal.ts';
import type { RunStop } from './run-stop.ts';
import { addSpent, cacheWritesOf, costOf, countedInput, nothingSpent, type Spent, usageOf } from './usage.ts';
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

/** `repeated`: cut since it repeated itself; `budget`: cut where the run's budget ends. */
export type AnswerReason = WholeReason | 'repeated' | 'budget';

/** How a step's question ended. What was shown stands in the journal's open step; `spent` counts all attempts. */
export type Asked =
  | {
      readonly outcome: 'answered';
      readonly finishReason: AnswerReason;
      /** The conversation has no room for another answer. */
      readonly isWindowFull: boolean;
      readonly calls: readonly AnsweredCall[];
      /** Of the last request alone, as its provider counted them; null when it counted nothing. */
      readonly inputTokens: number | null;
      readonly spent: Spent;
    }
  | { readonly outcome: 'stopped'; readonly modelAbortedAt: string | null; readonly spent: Spent }
  /** There is not enough left of the run's budget to ask, or to ask once more. */
  | { readonly outcome: 'exhausted'; readonly shortage: Shortage; readonly spent: Spent }
  | { readonly outcome: 'failed'; readonly failure: ModelFailure; readonly spent: Spent };

export interface AskModel {
  /** Where the answer is shown; the loop's own journal, or one that only keeps it. */
  readonly journal: Pick<RunJournal, 'show'> & { readonly step: Pick<RunJournal['step'], 'isOpen'> };
  readonly stop: RunStop;
  readonly models: ModelChoice;
  /** The request for that model: what is bound to another is not in it. */
  readonly requestFor: (model: Model) => Promise<ModelRequest>;
  /** How large the request is, about. */
  readonly requestTokens: number;
  readonly step: number;
  /** Shown already, in front of the answer; shown again when the step is begun anew. */
  readonly lead: readonly Chunk[];
  readonly toolNames: ReadonlySet<string>;
  readonly budget: Budget;
  readonly retry: RetryPolicy;
  readonly deadlines: ModelDeadlines;
  readonly logger: Logger;
}

/**
 * Asks the model until one answer has come to its end. The step's mark is shown with the first chunk, so that a model
 * that never answers leaves no empty step; what a broken attempt had shown is withdrawn by `reset-step`. A model that is
 * overloaded, or that failed as often as the policy allows, is left for its fallback, if there is one.
 */
export async function askModel(options: AskModel): Promise<Asked> {
  const { journal, stop, models, requestFor, requestTokens, step, lead } = options;
  const { toolNames, budget, retry, deadlines, logger } = options;
  let spent = nothingSpent;
  let { current: model } = models;
  let request = await requestFor(model);
  const shortageNow = () => budget.shortageFor({ tokens: requestTokens, model });
  const shortage = shortageNow();
  if (shortage) return { outcome: 'exhausted', shortage, spent };
  let attempt = 0;
  for (let count = 1; ; count += 1) {
    attempt += 1;
    // Nothing was sent, so nothing is charged.
    if (stop.signal.aborted && stop.cause() !== 'lost')
      return { outcome: 'stopped', modelAbortedAt: null, spent };
    const { price } = model.entry;
    const room = budget.answerRoomFor({ tokens: requestTokens, model });
    const isCapped = room < (model.maxOutputTokens ?? model.entry.maxOutputTokens);
    const maxOutputTokens = isCapped ? room : model.maxOutputTokens;
    const answer = createAnswerChunks({ attempt: `${step}.${count}`, knownTools: toolNames });
    let hasShown = false;
    const show = async (...chunks: readonly Chunk[]) => {
      const isFirst = !hasShown;
      hasShown = true;
      const heading = isFirst
        ? [...headingOf(step, model, models), ...budget.noticeFor({ step, price })]
        : [];
      await journal.show(...(journal.step.isOpen ? [] : [startStep]), ...heading, ...chunks);
    };
    const spentWith = (reported: Extract<ReadOutcome, { outcome: 'complete' }>['usage'] | null) => {
      const usage = usageOf(reported, { requestTokens, writtenLength: answer.writtenLength });
      const ofAttempt = { usage, costUsd: costOf(usage, price, cacheWritesOf(reported)) };
      budget.charge(ofAttempt);
      return addSpent(spent, ofAttempt);
    };
    let read: ReadOutcome;
    try {
      read = await readAnswer({ request, answer, maxOutputTokens, deadlines, signal: stop.signal, show });
    } catch (error) {
      if (!stop.signal.aborted || stop.cause() === 'lost') throw error;
      return { outcome: 'stopped', modelAbortedAt: new Date().toISOString(), spent: spentWith(null) };
    }
    if (read.outcome === 'complete') {
      const { finishReason, isWindowFull, usage } = read;
      const isCutByBudget = isCapped && finishReason === 'length' && !isWindowFull;
      return {
        outcome: 'answered',
        finishReason: isCutByBudget ? 'budget' : finishReason,
        isWindowFull,
        calls: answer.calls,
        inputTokens: countedInput(usage),
        spent: spentWith(usage),
      };
    }
    if (read.outcome === 'repeated')
      return {
        outcome: 'answered',
        finishReason: 'repeated',
        isWindowFull: false,
        calls: answer.calls,
        inputTokens: null,
        spent: spentWith(null),
      };
    const { error } = read;
    const failure = describeModelFailure(error);
    // A request that was refused costs nothing. One whose answer had begun, or was counted, is charged, and one that we
    // gave up: its model goes on.
    const isCharged = hasShown || countedInput(read.usage) !== null || error instanceof ModelStalledError;
    if (isCharged) spent = spentWith(read.usage);
    const isOver = isCapped && error instanceof UnansweredError ? shortageNow() : null;
    if (isOver) return { outcome: 'exhausted', shortage: isOver, spent };
    let delayMs = delayBefore(attempt, failure, retry);
    const fallback = delayMs === null || failure.kind === 'overloaded' ? fallBack(models, failure) : null;
    if (fallback) delayMs = 0;
    const { kind, detail } = failure;
    const line = { step, attempt, model: model.entry.id, kind, detail, delayMs, error: failure.cause };
    logger.warn({ ...line, ...(fallback ? { fallback: fallback.entry.id } : {}) }, 'model failed');
    if (delayMs === null) return { outcome: 'failed', failure, spent };
    if (fallback) {
      model = fallback;
      request = await requestFor(model);
      attempt = 0;
    }
    const shortage = shortageNow();
    // What the broken attempt had shown stays: nothing takes its place.
    if (shortage) return { outcome: 'exhausted', shortage, spent };
    if (hasShown) await journal.show({ type: 'reset-step' }, ...lead);
    if (fallback) continue;
    try {
      await pause(delayMs, stop.signal);
    } catch (error) {
      if (stop.cause() === 'lost') throw error;
      return { outcome: 'stopped', modelAbortedAt: null, spent };
    }
  }
}

/** What another model could do better: what passes, and what this provider has no room or no credit for. */
function fallBack(models: ModelChoice, failure: ModelFailure): Model | null {
  return failure.isRetryable || failure.kind === 'overloaded' ? models.fallBack() : null;
}

/** Says which model writes a step when it is not the run's own. Stored with the step, so that its reasoning stays its own. */
function headingOf(step: number, model: Model, { own }: ModelChoice): Chunk[] {
  if (model.entry.id === own.entry.id) return [];
  return [{ type: 'data-model', id: `model-${step}`, data: { model: model.entry.id } }];
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
