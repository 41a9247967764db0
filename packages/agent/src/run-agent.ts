import type { Logger } from '@switchyard/process';
import { AppError, isToolPart, type MessagePart, type RunReason, toolNameOf } from '@switchyard/protocol';
import { type RunContext, storeParts } from '@switchyard/store';
import { type AskModel, askModel, type Asked } from './ask-model.ts';
import type { PendingCall } from './call-tool.ts';
import { callTools } from './call-tools.ts';
import { composeEnding, decideAfter, type RunEnding } from './ending.ts';
import { foldChunks } from './fold.ts';
import { countCuts, modelMessages } from './history.ts';
import type { Model } from './models.ts';
import type { Replay } from './plan-replay.ts';
import { systemPrompt } from './prompt.ts';
import type { RunJournal } from './run-journal.ts';
import { type RunStop, RunStopped } from './run-stop.ts';
import type { SandboxAccess } from './sandbox-access.ts';
import { lastTodos } from './todos.ts';
import type { Toolset } from './toolset.ts';
import { costOf } from './usage.ts';

/** One claim of a run, opened. */
export interface RunAgent {
  readonly context: RunContext;
  readonly journal: RunJournal;
  readonly replay: Replay;
  readonly model: Model;
  readonly tools: Toolset;
  readonly sandbox: SandboxAccess;
  readonly stop: RunStop;
  /** Asked between steps: true when the run should go to another worker now. */
  readonly shouldHandOver: () => boolean;
  /** Asked at each step: false when the lock was not renewed lately, so that somebody else may have the run. */
  readonly isOwned: () => boolean;
  /** Steps that the run may take in all. */
  readonly maxSteps: number;
  readonly retry: AskModel['retry'];
  readonly deadlines: AskModel['deadlines'];
  readonly logger: Logger;
}

/** How one claim of a run came to its end: the run ends, or another worker goes on. */
export type AgentOutcome =
  | { readonly outcome: 'ended'; readonly ending: RunEnding }
  /** `isStepCut`: a model request was under way and is to be paid by estimate. */
  | { readonly outcome: 'hand-over'; readonly isStepCut: boolean };

type Answered = Extract<Asked, { outcome: 'answered' }>;

/**
 * The loop: one answer of the model, stored; its calls, each stored; and again, until something ends the run. It goes
 * on wherever an earlier worker stopped. Rejects with `RunStopped('lost')` when the run is somebody else's by now;
 * nothing more may be written then.
 */
export async function runAgent(agent: RunAgent): Promise<AgentOutcome> {
  const { context, journal } = agent;
  let { step, calls } = agent.replay;
  let before: readonly MessagePart[] = context.parts.filter((row) => row.step < step).map(({ part }) => part);

  for (;;) {
    if (calls === null) {
      const stopped = stopBefore(agent, step);
      if (stopped) return await stopped();
      const messages = await modelMessages({
        history: context.history,
        own: { id: context.messageId, parts: before },
        files: context.files,
        modelId: agent.model.entry.id,
        toolSet: agent.tools.forModel,
      });
      const asked = await askModel({
        ...agent,
        step,
        toolNames: agent.tools.names,
        request: {
          model: agent.model,
          instructions: systemPrompt(context.instructions),
          messages,
          toolSet: agent.tools.forModel,
        },
      });
      if (asked.outcome !== 'answered') return await endUnanswered(agent, step, asked);
      const decision = decideAfter({
        finishReason: asked.finishReason,
        hasCalls: asked.calls.length > 0,
        cuts: countCuts(before),
      });
      if (decision.next === 'end') return await end(agent, { ...decision, step, isStored: false, asked });
      calls = await storeAnswer(agent, step, asked);
    }

    const done = before;
    const called = await callTools(
      {
        ...agent,
        readTodos: () => lastTodos({ history: context.history, before: done, open: journal.step.chunks }),
      },
      calls,
      {
        hasFailedCall: hasFailedCall(journal),
      },
    );
    if (called.end) {
      return await end(agent, { reason: called.end.reason, last: called.end.chunks, step, isStored: true });
    }
    if (called.isStopped)
      return await endStopped(agent, { step, isStored: true, toolKilledAt: called.toolKilledAt });
    before = [...before, ...(await foldChunks(journal.step.chunks))];
    await journal.show({ type: 'finish-step' });
    step += 1;
    calls = null;
  }
}

/** What keeps the next step from beginning; null when nothing does. */
function stopBefore(agent: RunAgent, step: number): (() => Promise<AgentOutcome>) | null {
  const { stop, maxSteps } = agent;
  if (!agent.isOwned()) stop.stop('lost');
  if (stop.cause() === null && agent.shouldHandOver()) stop.stop('hand-over');
  if (stop.cause() !== null) return async () => await endStopped(agent, { step, isStored: false });
  if (step <= maxSteps) return null;
  const error = { code: 'step_limit', detail: `The run has used all of its ${maxSteps} steps.` };
  return async () => await end(agent, { reason: 'step-limit', error, step, isStored: false });
}

/** Stores the answer as one step and gives the calls that are to be run. */
async function storeAnswer(agent: RunAgent, step: number, asked: Answered): Promise<PendingCall[]> {
  const { journal, tools, model, stop } = agent;
  const parts = await foldChunks(journal.step.chunks);
  const { usage } = asked;
  const isFinal = step >= agent.maxSteps;
  const costUsd = costOf(usage, model.entry.price);
  const records = parts.map((part) =>
    isToolPart(part) ? { part, effect: tools.byName.get(toolNameOf(part))?.effect } : { part },
  );
  await journal.store(async (sql, position, hasRetried) => {
    try {
      const stored = await storeParts(sql, { ...position, step, parts: records, usage, costUsd, isFinal });
      if (stored.cancelRequested) stop.stop('cancelled');
    } catch (error) {
      // An attempt whose answer was lost had stored it.
      if (!(hasRetried && error instanceof AppError && error.code === 'conflict')) throw error;
    }
  });
  return parts
    .filter(isToolPart)
    .filter((part) => part.state === 'input-available')
    .map((part) => ({ part, ledger: 'pending', incarnation: null }));
}

function hasFailedCall(journal: RunJournal): boolean {
  return journal.step.chunks.some((chunk) => chunk.type === 'tool-output-error');
}

/** Ends a run whose model was stopped or gave no answer. */
async function endUnanswered(
  agent: RunAgent,
  step: number,
  asked: Exclude<Asked, Answered>,
): Promise<AgentOutcome> {
  if (asked.outcome === 'stopped') return await endStopped(agent, { step, isStored: false, ...asked });
  const error = { code: 'model_failed', detail: asked.failure.detail };
  return await end(agent, { reason: 'model-error', error, step, isStored: false, asked });
}

/** Ends what was told to stop: the run itself, or only this worker's part in it. */
async function endStopped(
  agent: RunAgent,
  at: {
    readonly step: number;
    readonly isStored: boolean;
    readonly modelAbortedAt?: string | null;
    readonly toolKilledAt?: string | null;
    readonly usage?: Asked['usage'];
  },
): Promise<AgentOutcome> {
  const { modelAbortedAt, toolKilledAt } = at;
  const cause = agent.stop.cause();
  switch (cause) {
    case 'hand-over':
      return { outcome: 'hand-over', isStepCut: Boolean(modelAbortedAt) };
    case 'cancelled': {
      const cancelReceipt = {
        ...(modelAbortedAt ? { modelAbortedAt } : {}),
        ...(toolKilledAt ? { toolKilledAt } : {}),
      };
      return await end(agent, { reason: 'cancelled', cancelReceipt, ...at });
    }
    case 'time-limit': {
      const error = { code: 'time_limit', detail: 'The run has used all of its time.' };
      return await end(agent, { reason: 'time-limit', error, ...at });
    }
    case 'lost':
    case null:
      throw new RunStopped('lost');
  }
}

type EndingOptions = Parameters<typeof composeEnding>[0];

async function end(
  agent: RunAgent,
  options: Pick<EndingOptions, 'error' | 'cancelReceipt' | 'last' | 'step' | 'isStored'> & {
    readonly reason: RunReason;
    readonly asked?: { readonly usage: Asked['usage'] };
    readonly usage?: Asked['usage'];
  },
): Promise<AgentOutcome> {
  const { journal, model } = agent;
  const usage = options.usage ?? options.asked?.usage;
  const ending = await composeEnding({
    ...options,
    chunks: journal.step.chunks,
    openCallText: openCallTexts[options.reason] ?? 'Not run: the run had ended.',
    ...(usage === undefined ? {} : { usage, costUsd: costOf(usage, model.entry.price) }),
  });
  return { outcome: 'ended', ending };
}

const openCallTexts: Readonly<Partial<Record<RunReason, string>>> = {
  cancelled: 'Cancelled: the call was stopped, or not begun, when the run was cancelled.',
  'time-limit': 'Stopped: the run had used all of its time.',
};
