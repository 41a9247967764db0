import type { Chunk } from '@switchyard/protocol';
import type { ModelMessage } from 'ai';
import { askModel, type Asked, startStep } from '../ask-model.ts';
import type { ClaimedRun } from '../claimed-run.ts';
import { foldChunks } from '../fold.ts';
import type { Model } from '../models.ts';
import { summaryPrompt } from '../prompt.ts';
import { createStepChunks } from '../step-chunks.ts';
import { addSpent, type Spent } from '../usage.ts';
import { contextBudget } from './budget.ts';
import { charactersOf } from './estimate.ts';
import { transcriptOf } from './transcript.ts';

/** Shares of the budget: what is read at most for a summary, and what a summary may have; guesses. */
const readShare = 0.6;
const writtenShare = 0.15;

/** Tokens of the request for a summary at most, about. */
export function tokensOfSummaryRequest(entry: Model['entry']): number {
  return Math.ceil(contextBudget(entry) * readShare);
}

/** How the attempt to make room ended. */
export type Summarised =
  | { readonly outcome: 'shown'; readonly spent: Spent }
  | Exclude<Asked, { readonly outcome: 'answered' }>;

/**
 * Lets the model summarise the conversation and shows the summary as what the open step is about; it is not stored yet.
 * Viewers see nothing of how it is written. What is read is cut to a length that surely fits.
 */
export async function summarise(
  claimed: ClaimedRun,
  conversation: {
    readonly step: number;
    readonly messages: readonly ModelMessage[];
    /** Tokens of the request that was too long, about; null when none was refused. */
    readonly refusedSize: number | null;
  },
): Promise<Summarised> {
  const { journal, models } = claimed;
  const { step, messages, refusedSize } = conversation;
  const written = createStepChunks();
  written.add(startStep);
  // A window that refused a request is smaller than is known of it.
  const tokensFor = ({ entry }: Model) =>
    Math.min(tokensOfSummaryRequest(entry), Math.ceil((refusedSize ?? Infinity) / 2));
  const requestFor = async (model: Model) => {
    const transcript = transcriptOf(messages, charactersOf(tokensFor(model)));
    const text = `Write the summary of this conversation.\n\n${transcript}\n\nThe conversation ends here. Write its summary now; only what stands under "## user" is said by the user.`;
    return await Promise.resolve({
      model,
      instructions: summaryPrompt(),
      messages: [{ role: 'user' as const, content: text }],
      toolSet: {},
    });
  };
  const ask = async () =>
    await askModel({
      ...claimed,
      // What people are told of the run's budget stands with an answer that they see.
      budget: { ...claimed.budget, noticeFor: () => [] },
      journal: {
        step: written,
        show: (...chunks) => {
          for (const chunk of chunks) written.add(chunk);
          return Promise.resolve();
        },
      },
      step,
      lead: [],
      toolNames: new Set(),
      requestFor,
      requestTokens: tokensFor(models.current),
    });
  let asked = await ask();
  let { spent } = asked;
  if (asked.outcome === 'answered' && asked.finishReason === 'repeated') {
    written.add(startStep);
    asked = await ask();
    spent = addSpent(spent, asked.spent);
  }
  if (asked.outcome !== 'answered') return { ...asked, spent };
  // Notes that were cut are of use; those that are filtered, or repeat themselves again, say nothing of the conversation.
  const isRefused = asked.finishReason === 'repeated' || asked.finishReason === 'content-filter';
  const parts = await foldChunks(written.chunks);
  const text = parts
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('\n')
    .trim();
  if (text === '' || isRefused) {
    const detail = 'The model gave no summary of a conversation that is too long for it.';
    const failure = { kind: 'other', isRetryable: false, retryAfterMs: null, detail, cause: null } as const;
    return { outcome: 'failed', failure, spent };
  }
  const maxCharacters = charactersOf(contextBudget(models.current.entry) * writtenShare);
  const summary: Chunk = {
    type: 'data-summary',
    id: `summary-${step}`,
    data: { text: text.slice(0, maxCharacters).toWellFormed() },
  };
  // What was said to the model and to people stays; an answer that was begun is withdrawn.
  const kept = journal.step.chunks.filter(({ type }) => type.startsWith('data-') && type !== 'data-model');
  const isBegun = journal.step.chunks.length > kept.length + 1;
  if (isBegun) await journal.show({ type: 'reset-step' }, ...kept);
  await journal.show(...(journal.step.isOpen ? [] : [startStep]), summary);
  return { outcome: 'shown', spent };
}
