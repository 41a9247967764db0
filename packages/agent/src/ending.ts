import { type Chunk, isToolPart, type RunReason, type ToolPart, type Usage } from '@switchyard/protocol';
import type { FinishRun } from '@switchyard/store';
import type { AnswerReason } from './ask-model.ts';
import type { SettledCall } from './call-result.ts';
import { foldChunks } from './fold.ts';
import { loopLimits } from './loop-limits.ts';
import { closingChunks } from './step-chunks.ts';

/** Everything that `finishRun` and the log need for the end of a run. */
export interface RunEnding {
  readonly reason: RunReason;
  readonly error?: { readonly code: string; readonly detail: string };
  readonly lastStep?: NonNullable<FinishRun['lastStep']>;
  readonly closedCalls?: NonNullable<FinishRun['closedCalls']>;
  readonly cancelReceipt?: NonNullable<FinishRun['cancelReceipt']>;
  /** Shown after `finishRun` and before the two ending chunks. */
  readonly closing: readonly Chunk[];
}

/** What follows an answer. What follows several that are alike is `nudgeBefore`'s to say. */
export type Decision =
  | { readonly next: 'call-tools' }
  /** Ask again; the history tells the model to go on where it was cut. */
  | { readonly next: 'continue' }
  /** Ask again, and tell the model that its plan is not done, or that it repeated itself. */
  | { readonly next: 'remind' | 'nudge' }
  | { readonly next: 'end'; readonly reason: RunReason; readonly error?: { code: string; detail: string } };

/**
 * Pure. `cuts`: how many of the steps right before this one were cut by the output limit; `mayRemind`: this run's plan
 * has open items and the model was not told yet. A plain answer is taken at its word otherwise, also after calls of tools:
 * to ask a model that has finished whether it has would cost a request and show its answer twice.
 */
export function decideAfter(answer: {
  readonly finishReason: AnswerReason;
  readonly hasCalls: boolean;
  readonly cuts: number;
  readonly mayRemind: boolean;
}): Decision {
  // `stop` may come with calls: they are run whatever the finish reason says.
  if (answer.hasCalls) return { next: 'call-tools' };
  switch (answer.finishReason) {
    case 'length':
      if (answer.cuts < loopLimits.cuts) return { next: 'continue' };
      return {
        next: 'end',
        reason: 'model-error',
        error: {
          code: 'model_failed',
          detail: "The model's answer was longer than its output limit allows.",
        },
      };
    case 'repeated':
      return { next: 'nudge' };
    // The next step ends the run, since nothing is left of its budget.
    case 'budget':
      return { next: 'continue' };
    case 'content-filter':
      return {
        next: 'end',
        reason: 'content-filter',
        error: { code: 'content_filter', detail: "The model's provider filtered the answer." },
      };
    case 'stop':
    case 'tool-calls':
    case 'other':
      return answer.mayRemind ? { next: 'remind' } : { next: 'end', reason: 'answered' };
  }
}

/** Closes the open step, if any, and says what of it is still to be stored. */
export async function composeEnding(options: {
  readonly reason: RunReason;
  readonly error?: { readonly code: string; readonly detail: string } | undefined;
  readonly cancelReceipt?: FinishRun['cancelReceipt'];
  /** The chunks of the open step; empty when none is open. */
  readonly chunks: readonly Chunk[];
  readonly step: number;
  /** The step's parts are in the store; only its open calls are not. */
  readonly isStored: boolean;
  /** The call that ended the run, with its result. */
  readonly last?: SettledCall | undefined;
  /** For calls that get no result. */
  readonly openCallText: string;
  readonly usage?: Usage | undefined;
  readonly costUsd?: number | null;
}): Promise<RunEnding> {
  const { reason, error, cancelReceipt, chunks, step, isStored, last, openCallText, usage, costUsd } =
    options;
  const common = {
    reason,
    ...(error === undefined ? {} : { error }),
    ...(cancelReceipt === undefined ? {} : { cancelReceipt }),
  };
  if (chunks.length === 0) {
    if (isStored || usage === undefined || usage.totalTokens === 0) return { ...common, closing: [] };
    // The model had read the request, though nothing of its answer came to be shown.
    return { ...common, lastStep: { step, parts: [], usage, costUsd: costUsd ?? null }, closing: [] };
  }
  const shown = last?.chunks ?? [];
  const closing = [...shown, ...closingChunks([...chunks, ...shown], openCallText)];
  const parts = await foldChunks([...chunks, ...closing]);
  if (!isStored) {
    const settled = usage === undefined ? {} : { usage, costUsd: costUsd ?? null };
    return { ...common, lastStep: { step, parts: parts.map((part) => ({ part })), ...settled }, closing };
  }
  const open = new Set(closing.flatMap((chunk) => ('toolCallId' in chunk ? [chunk.toolCallId] : [])));
  const closedCalls = parts
    .filter((part): part is ToolPart => isToolPart(part) && open.has(part.toolCallId))
    .map((part) => ({
      callId: part.toolCallId,
      part,
      ...(part.toolCallId === last?.part.toolCallId ? { appended: last.appended } : {}),
    }));
  return { ...common, closedCalls, closing };
}
