import type { MessagePart } from '@switchyard/protocol';
import type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
import { callTools } from './call-tools.ts';
import { waitForConsent } from './consent.ts';
import { createContextMeter } from './context/budget.ts';
import { endedBy, endStopped } from './end-agent.ts';
import { foldChunks } from './fold.ts';
import { answerStep } from './step.ts';
import { findResult } from './stored-result.ts';
import { lastTodos } from './todos.ts';

/**
 * The loop: one answer of the model, stored; its calls, each stored; and again, until something ends the run. It goes
 * on wherever an earlier worker stopped. Rejects with `RunStopped('lost')` when the run is somebody else's by now;
 * nothing more may be written then.
 */
export async function runAgent(claimed: ClaimedRun): Promise<AgentOutcome> {
  const { context, journal, replay } = claimed;
  const meter = createContextMeter();
  let { step, calls } = replay;
  let before: readonly MessagePart[] = context.parts.filter((row) => row.step < step).map(({ part }) => part);

  for (;;) {
    if (calls === null) {
      const answered = await answerStep(claimed, { step, before, meter });
      if (answered.outcome === 'concluded') return answered.conclusion;
      ({ calls } = answered);
    }

    const stored = { history: context.history, before };
    const called = await callTools(
      {
        ...claimed,
        threadId: context.thread.id,
        readTodos: () => lastTodos({ ...stored, open: journal.step.chunks }),
        readResult: (callId) =>
          findResult({ ...stored, open: journal.step.chunks }, { callId, tools: claimed.tools }),
      },
      calls,
    );
    if (called.end) return await endedBy(claimed, { ...called.end, step });
    if (called.isStopped) return await endStopped(claimed, { ...called, step, isStored: true });
    if (called.asking.length > 0) return await waitForConsent(claimed, { step, asking: called.asking });

    before = [...before, ...(await foldChunks(journal.step.chunks))];
    // Not before all of the step's results are stored and shown: a closed step is never taken back.
    await journal.show({ type: 'finish-step' });
    step += 1;
    calls = null;
  }
}
