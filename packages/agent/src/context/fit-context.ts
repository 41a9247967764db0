import type { ModelEntry } from '@switchyard/protocol';
import type { ModelMessage } from 'ai';
import { contextBudget, type ContextMeter, planContext } from './budget.ts';
import { lengthOf, tokensOf } from './estimate.ts';
import { nextBatch, pruneResults } from './prune-results.ts';

/** A conversation as it is sent, and whether it still has to be made shorter. */
export interface FittedContext {
  readonly messages: ModelMessage[];
  /** The call up to which results are left out; null when none are. */
  readonly upToCallId: string | null;
  /** That call was chosen now: the mark must be stored with the step. */
  readonly isMarked: boolean;
  readonly mustSummarise: boolean;
  /** Characters of the request, prompt and tools included. */
  readonly length: number;
  /** Tokens of the request, about. */
  readonly size: number;
}

/** Leaves one more batch of old results out when the conversation has grown too long for its model. Pure. */
export function fitContext(options: {
  readonly messages: readonly ModelMessage[];
  /** As the conversation's last mark has it. */
  readonly upToCallId: string | null;
  readonly entry: ModelEntry;
  /** Characters of the system prompt and the tools. */
  readonly promptLength: number;
  readonly meter: ContextMeter;
}): FittedContext {
  const { upToCallId, entry, promptLength, meter } = options;
  const messages = pruneResults(options.messages, upToCallId);
  const conversation = lengthOf(messages);
  const length = promptLength + conversation;
  const size = meter.sizeOf(length);
  const batch = nextBatch(messages);
  const plan = planContext({
    budget: contextBudget(entry),
    size,
    saved: tokensOf(batch?.savedCharacters ?? 0),
    conversation: tokensOf(conversation),
  });
  if (plan !== 'prune' || batch === null) {
    return { messages, upToCallId, isMarked: false, mustSummarise: plan === 'summarise', length, size };
  }
  const shorter = pruneResults(messages, batch.upToCallId);
  const shorterLength = promptLength + lengthOf(shorter);
  return {
    messages: shorter,
    upToCallId: batch.upToCallId,
    isMarked: true,
    mustSummarise: false,
    length: shorterLength,
    size: meter.sizeOf(shorterLength),
  };
}
