import type { Run, SwitchyardMessage } from '@switchyard/protocol';
import type { AnswerView } from './answer-view.ts';
import type { Client } from '@switchyard/client';
import { followAnswer } from './follow-answer.ts';
import type { ActiveRun } from './run-status-view.ts';

/** A run that is being followed. */
export interface FollowedRun {
  readonly runId: string;
  stop(): void;
}

/** The figures of a run that goes on are read no more often than this. */
const figuresMs = 2000;

/** Follows a run into its answer until it ends, and keeps what is told about it: status, steps, tokens, cost. */
export function followRun({
  api,
  run,
  answer,
  signal,
  onDraw,
  onStatus,
  onMessage,
  onFilesChanged,
  onEnd,
  onLost,
}: {
  readonly api: Pick<Client, 'followRun' | 'getRun'>;
  readonly run: Run;
  readonly answer: AnswerView;
  readonly signal: AbortSignal;
  /** Runs a change of the page. */
  readonly onDraw: (change: () => void) => void;
  readonly onStatus: (run: ActiveRun | null) => void;
  readonly onMessage: (message: SwitchyardMessage) => void;
  readonly onFilesChanged: () => void;
  readonly onEnd: (run: Run | null) => void;
  /** It cannot be followed any more, though it may go on. */
  readonly onLost: (error: unknown) => void;
}): FollowedRun {
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  let shown: ActiveRun = {
    status: run.status,
    queuePosition: null,
    steps: run.steps,
    startedAt: Date.parse(run.startedAt ?? run.createdAt),
    totalTokens: run.usage.totalTokens,
    costUsd: run.costUsd,
  };
  let figuresAt = 0;

  function tell(change: Partial<ActiveRun>): void {
    shown = { ...shown, ...change };
    if (!either.aborted) onStatus(shown);
  }

  async function readFigures(): Promise<void> {
    if (Date.now() - figuresAt < figuresMs) return;
    figuresAt = Date.now();
    try {
      const { run: now } = await api.getRun(run.id);
      if (either.aborted) return;
      tell({ totalTokens: now.usage.totalTokens, costUsd: now.costUsd });
    } catch {
      // The figures are a comfort: the next step brings newer ones.
    }
  }

  async function follow(): Promise<void> {
    await followAnswer(api, {
      runId: run.id,
      signal: either,
      onUpdate(update) {
        onDraw(() => answer.apply(update));
        onMessage(update.message);
        tell({
          steps: update.message.parts.filter(({ type }) => type === 'step-start').length,
          ...(update.run
            ? { status: update.run.status, queuePosition: update.run.queuePosition ?? null }
            : update.hasResults && { status: 'running' }),
        });
        if (update.hasSteps) void readFigures();
        if (update.hasResults) onFilesChanged();
      },
    });
    const ended = await api.getRun(run.id).then(
      (response) => response.run,
      () => null,
    );
    if (either.aborted) return;
    onDraw(() => answer.end(ended));
    onEnd(ended);
  }

  tell({});
  answer.setWaiting(true);
  follow().catch((error: unknown) => {
    if (either.aborted) return;
    onDraw(() => answer.end(null));
    onLost(error);
  });
  return { runId: run.id, stop: () => stopping.abort() };
}
