import type { ModelMessage } from 'ai';
import type { Asked } from '../ask-model.ts';
import type { AgentOutcome, ClaimedRun } from '../claimed-run.ts';
import { endExhausted, endFailed, endStopped } from '../end-agent.ts';
import { addSpent, nothingSpent, type Spent } from '../usage.ts';
import { summarise } from './summarise.ts';

/** How a step that makes room ended: its summary is shown and is to be stored, or the run has come to its end. */
export type RoomMade =
  | { readonly outcome: 'shown'; readonly spent: Spent }
  | { readonly outcome: 'concluded'; readonly conclusion: AgentOutcome };

/**
 * Puts a summary in the place of the conversation, as a step of its own: it is stored and paid for like any other, so
 * whoever goes on after a crash finds it. `refused`: the request that was too long, and its size in tokens, about.
 */
export async function makeRoom(
  claimed: ClaimedRun,
  at: {
    readonly step: number;
    readonly messages: readonly ModelMessage[];
    readonly refused?: {
      readonly size: number;
      readonly by: Extract<Asked, { readonly outcome: 'failed' }>;
    };
  },
): Promise<RoomMade> {
  const { step, refused, ...rest } = at;
  const made = await summarise(claimed, { ...rest, step, refusedSize: refused?.size ?? null });
  const spent = addSpent(refused?.by.spent ?? nothingSpent, made.spent);
  switch (made.outcome) {
    case 'shown':
      return { outcome: 'shown', spent };
    case 'stopped':
      return {
        outcome: 'concluded',
        conclusion: await endStopped(claimed, { ...made, spent, step, isStored: false }),
      };
    case 'exhausted':
      return { outcome: 'concluded', conclusion: await endExhausted(claimed, { ...made, spent, step }) };
    case 'failed': {
      // The refusal is why the run cannot go on, whatever kept the summary from being written.
      const failed = { ...(refused?.by ?? made), spent, step };
      return { outcome: 'concluded', conclusion: await endFailed(claimed, failed) };
    }
  }
}
