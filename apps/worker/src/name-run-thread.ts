import { type Budget, type Model, type OpenedRun, wordsOfMessage, writeTitle } from '@switchyard/agent';
import { nameThread, RunLostError } from '@switchyard/store';
import type { Worker } from './worker.ts';

/** What a title costs at most, about: a budget with less than that left is not spent on one. A guess. */
const maxTitleTokens = 1000;

/**
 * Gives a thread without a title one while its run is at work: beside its first step, never before it. `end` stops the
 * request if it still goes on, and resolves when the title, or the first words in its place, are stored and shown. Where
 * the title did not come, the thread's next run asks again.
 */
export function nameRunThread(
  worker: Worker,
  { context, journal }: OpenedRun,
  { model, budget, signal }: { readonly model: Model; readonly budget: Budget; readonly signal: AbortSignal },
): { readonly end: () => Promise<void> } {
  const { titleTimeoutMs, sql, logger } = worker;
  const { history, thread, isTitleProvisional } = context;
  // What began the conversation says what it is about, also where a later run has to ask.
  const messages = history.filter(({ role }) => role === 'user').map(wordsOfMessage);
  const message = messages.find((words) => words !== '') ?? '';
  const isUntitled = thread.title === null || isTitleProvisional;
  const isNeeded = titleTimeoutMs !== null && isUntitled && message !== '';
  if (!isNeeded || budget.shortageFor({ tokens: maxTitleTokens, model }) !== null) {
    return { end: () => Promise.resolve() };
  }
  const ending = new AbortController();
  const limits = [signal, ending.signal, AbortSignal.timeout(titleTimeoutMs)];
  const naming = write();

  /** Never rejects: no run fails for its title. */
  async function write(): Promise<void> {
    try {
      const written = await writeTitle({ message, model, signal: AbortSignal.any(limits) });
      const { title, isProvisional, spent } = written;
      budget.chargeAside(spent);
      const { runId, epoch } = journal;
      // Before the title is shown, and never in the way of the run's own writes.
      const isTaken = await nameThread(sql, { runId, epoch, title, isProvisional, ...spent });
      if (isTaken) journal.showNow({ type: 'data-title', data: { title }, transient: true });
    } catch (error) {
      if (!(error instanceof RunLostError))
        logger.warn({ runId: journal.runId, error }, 'no title was written');
    }
  }

  return {
    async end() {
      ending.abort();
      await naming;
    },
  };
}
