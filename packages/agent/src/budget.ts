import { type Chunk, type MessagePart, type ModelEntry, noUsage, type Run } from '@switchyard/protocol';
import { addSpent, costOf, type Spent } from './usage.ts';

/** Why no further model call is made: an error of the run. */
export interface Shortage {
  readonly code: 'token_limit' | 'cost_limit';
  readonly detail: string;
}

/** A call that is about to be made: tokens of its request, about, and who is asked. */
export interface CallToCome {
  readonly tokens: number;
  readonly model: {
    readonly entry: Pick<ModelEntry, 'price'>;
    readonly thinkingTokens: number;
  };
}

/** A shorter answer is worth no request; a guess. Servers refuse limits below 16. */
const minAnswerTokens = 100;

/**
 * What a run has spent and may spend, in tokens and US dollars. It begins with what the store has settled, crashed and
 * aborted calls included, and counts what this worker is about to settle, so that no query is needed to know it.
 */
export interface Budget {
  /** Counts one model call of the run's conversation, answered or broken. */
  charge(spent: Spent): void;
  /** Counts a call beside the conversation, which says nothing of what the provider keeps of that. */
  chargeAside(spent: Spent): void;
  /** What keeps any further call from being made; null when nothing does. */
  exhausted(): Shortage | null;
  /** The same for a call that is about to be made, with the least answer that is worth it. */
  shortageFor(call: CallToCome): Shortage | null;
  /** Tokens that its answer may have, thinking aside, without leaving the run's limits; Infinity where it has none. */
  answerRoomFor(call: CallToCome): number;
  /** Tells people, once in a run, that its limit of money is not enforced since the model's price is not known. */
  noticeFor(step: { readonly step: number; readonly price: ModelEntry['price'] }): Chunk[];
}

const noticeCode = 'cost-unknown';

/** `parts` are those of the run's own message that are stored. */
export function createBudget(
  { limits, usage, costUsd }: Pick<Run, 'limits' | 'usage' | 'costUsd'>,
  parts: readonly MessagePart[],
): Budget {
  const { maxTokens = Infinity, maxCostUsd = Infinity } = limits;
  const isTold = parts.some((part) => part.type === 'data-notice' && part.data.code === noticeCode);
  let total: Spent = { usage, costUsd };
  // What the provider had cached of the last request is expected to be cached of the next one.
  let cachedTokens = 0;
  let toldIn = isTold ? 0 : null;

  /** `next`: what the call to come costs at least. */
  function shortage(next: Spent): Shortage | null {
    const tokens = total.usage.totalTokens + next.usage.totalTokens;
    if (tokens > maxTokens || total.usage.totalTokens >= maxTokens) {
      const detail = `The run has used ${total.usage.totalTokens} of its ${maxTokens} tokens, and its next step needs more than are left.`;
      return { code: 'token_limit', detail };
    }
    // A cost that is not known cannot be held against a limit: people were told.
    if (total.costUsd === null || next.costUsd === null) return null;
    if (total.costUsd + next.costUsd > maxCostUsd || total.costUsd >= maxCostUsd) {
      const spent = total.costUsd.toFixed(4);
      const detail = `The run has spent ${spent} of its ${maxCostUsd} US dollars, and its next step costs more than is left.`;
      return { code: 'cost_limit', detail };
    }
    return null;
  }

  return {
    charge(spent) {
      total = addSpent(total, spent);
      cachedTokens = spent.usage.cachedInputTokens;
    },
    chargeAside(spent) {
      total = addSpent(total, spent);
    },
    exhausted: () => shortage({ usage: noUsage, costUsd: 0 }),
    shortageFor: (call) =>
      shortage(costOfCall(call, { cachedTokens, outputTokens: minAnswerTokens + call.model.thinkingTokens })),
    answerRoomFor(call) {
      const request = costOfCall(call, { cachedTokens, outputTokens: 0 });
      const tokens = maxTokens - total.usage.totalTokens - request.usage.totalTokens;
      const { price } = call.model.entry;
      const isPriced = price !== null && price.output > 0 && total.costUsd !== null;
      const left = maxCostUsd - (total.costUsd ?? 0) - (request.costUsd ?? 0);
      const affordable = isPriced ? Math.floor((left / price.output) * 1_000_000) : Infinity;
      return Math.min(tokens, affordable) - call.model.thinkingTokens;
    },
    noticeFor({ step, price }) {
      if (maxCostUsd === Infinity || (toldIn !== null && toldIn !== step)) return [];
      // Told again when the same step is begun anew: what it had shown was withdrawn.
      toldIn = price === null ? step : null;
      if (price !== null) return [];
      const text = `The price of this model is not known: the limit of ${maxCostUsd} US dollars is not enforced.`;
      return [{ type: 'data-notice', id: noticeCode, data: { code: noticeCode, text } }];
    },
  };
}

/** What a call costs with an answer of that length, when the provider keeps all of the request that it did not have. */
function costOfCall(
  { tokens: inputTokens, model }: CallToCome,
  known: { readonly cachedTokens: number; readonly outputTokens: number },
): Spent {
  const { outputTokens } = known;
  const cachedInputTokens = Math.min(known.cachedTokens, inputTokens);
  const totalTokens = inputTokens + outputTokens;
  const usage = { ...noUsage, inputTokens, cachedInputTokens, outputTokens, totalTokens };
  return { usage, costUsd: costOf(usage, model.entry.price, inputTokens) };
}
