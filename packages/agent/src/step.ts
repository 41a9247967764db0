import { AppError, type Chunk, isToolPart, type MessagePart, toolNameOf } from '@switchyard/protocol';
import { storeParts, takeCorrections } from '@switchyard/store';
import { askModel, startStep } from './ask-model.ts';
import type { PendingCall } from './call-tool.ts';
import type { AgentOutcome, ClaimedRun } from './claimed-run.ts';
import type { ContextMeter } from './context/budget.ts';
import { lengthOfTools } from './context/estimate.ts';
import { fitContext } from './context/fit-context.ts';
import { makeRoom, type RoomMade } from './context/make-room.ts';
import { lastPruned, pruneResults } from './context/prune-results.ts';
import { endsInSummary } from './context/since-summary.ts';
import { tokensOfSummaryRequest } from './context/summarise.ts';
import { endAnswered, endExhausted, endFailed, endStopped, endStuck, stopBefore } from './end-agent.ts';
import { decideAfter } from './ending.ts';
import { foldChunks } from './fold.ts';
import { countCuts, modelMessages } from './history.ts';
import type { Model } from './models.ts';
import { isReminder, nudgeBefore, nudgeBehind, reminderOf } from './nudge.ts';
import { systemPrompt } from './prompt.ts';
import { lastTodos } from './todos.ts';
import type { Spent } from './usage.ts';

/** A step's first half: the calls of a stored answer, or how this claim of the run came to its end. */
export type AnsweredStep =
  | { readonly outcome: 'stored'; readonly calls: readonly PendingCall[] }
  | { readonly outcome: 'concluded'; readonly conclusion: AgentOutcome };

/** Asks the model for one answer and stores it whole, before any of its calls begins; or ends the run. */
export async function answerStep(
  claimed: ClaimedRun,
  at: { readonly step: number; readonly before: readonly MessagePart[]; readonly meter: ContextMeter },
): Promise<AnsweredStep> {
  const { context, models, tools } = claimed;
  const { step, before, meter } = at;
  const stopped = await stopBefore(claimed, step);
  if (stopped) return concluded(stopped);

  const nudge = nudgeBefore(before, { step, mayPoll: (name) => tools.byName.get(name)?.polls === true });
  if (nudge === 'stuck') return concluded(await endStuck(claimed, { step }));
  const said = [...(nudge ? [nudge] : []), ...(await corrections(claimed, step))];
  const instructions = systemPrompt({ project: context.project.instructions, run: context.instructions });
  const messagesFor = async (model: Model) =>
    await modelMessages({
      history: context.history,
      own: { id: context.messageId, modelId: models.own.entry.id, parts: before },
      lead: said,
      files: context.files,
      pictures: model.entry.supports.images ? await claimed.pictures.of(context.history) : new Map(),
      modelId: model.entry.id,
      toolSet: tools.forModel,
    });
  const first = models.current;
  const fitted = fitContext({
    messages: await messagesFor(first),
    upToCallId: lastPruned(context.history, before),
    entry: first.entry,
    promptLength: instructions.length + (await lengthOfTools(tools.forModel)),
    meter,
  });
  // A summary that follows a summary saves nothing, and after one in the last step nothing would come.
  const mayMakeRoom = !endsInSummary(before) && step < claimed.maxSteps;
  const madeRoom = async (room: RoomMade): Promise<AnsweredStep> => {
    if (room.outcome === 'concluded') return room;
    // What was counted before says nothing of the conversation that follows.
    meter.answered({ characters: 0, inputTokens: null });
    return { outcome: 'stored', calls: await storeAnswer(claimed, step, room.spent) };
  };
  const isMakingRoom = fitted.mustSummarise && mayMakeRoom;
  const tokens = isMakingRoom ? tokensOfSummaryRequest(first.entry) : fitted.size;
  // Before it is shown what people said: of a run that ends here, that is unread and goes to the next one.
  const shortage = claimed.budget.shortageFor({ tokens, model: first });
  if (shortage) return concluded(await endExhausted(claimed, { shortage, step }));
  if (isMakingRoom) {
    await showLead(claimed, said);
    return await madeRoom(await makeRoom(claimed, { step, messages: fitted.messages }));
  }
  const marks: Chunk[] = fitted.isMarked
    ? [{ type: 'data-pruned', id: `pruned-${step}`, data: { upToCallId: fitted.upToCallId ?? '' } }]
    : [];
  const requestFor = async (model: Model) => ({
    model,
    instructions,
    messages: model === first ? fitted.messages : pruneResults(await messagesFor(model), fitted.upToCallId),
    toolSet: tools.forModel,
  });
  const lead = [...said, ...marks];
  await showLead(claimed, lead);
  const asked = await askModel({
    ...claimed,
    step,
    lead,
    toolNames: tools.names,
    requestFor,
    requestTokens: fitted.size,
  });
  switch (asked.outcome) {
    case 'stopped':
      return concluded(await endStopped(claimed, { ...asked, step, isStored: false }));
    case 'exhausted':
      return concluded(await endExhausted(claimed, { ...asked, step }));
    case 'failed':
      if (asked.failure.kind === 'context-overflow' && mayMakeRoom) {
        const refused = { size: fitted.size, by: asked };
        return await madeRoom(await makeRoom(claimed, { step, messages: fitted.messages, refused }));
      }
      return concluded(await endFailed(claimed, { ...asked, step }));
    case 'answered': {
      const { finishReason, spent, isWindowFull } = asked;
      const counted = models.current === first ? asked.inputTokens : null;
      // Whatever was counted: the next step makes room before it asks again.
      const inputTokens = isWindowFull ? models.current.entry.contextWindow : counted;
      meter.answered({ characters: fitted.length, inputTokens });
      const decision = decideAfter({
        finishReason,
        hasCalls: asked.calls.length > 0,
        cuts: countCuts(before),
        mayRemind: step < claimed.maxSteps && !before.some(isReminder) && hasOpenTodos(claimed, before),
      });
      if (decision.next === 'remind') await claimed.journal.show(reminderOf(step));
      if (decision.next === 'nudge') {
        const nudged = nudge ? 'stuck' : nudgeBehind(before, { step });
        if (nudged === 'stuck') return concluded(await endStuck(claimed, { step, spent }));
        await claimed.journal.show(nudged);
      }
      // Its parts are stored by the end itself: one write less.
      if (decision.next === 'end') return concluded(await endAnswered(claimed, { ...decision, spent, step }));
      return { outcome: 'stored', calls: await storeAnswer(claimed, step, spent) };
    }
  }
}

/** Of this run's own plan: what an earlier run left open is no reason to ask after a word of thanks. */
function hasOpenTodos({ journal }: ClaimedRun, before: readonly MessagePart[]): boolean {
  const todos = lastTodos({ history: [], before, open: journal.step.chunks });
  return todos.some(({ status }) => status !== 'done');
}

function concluded(conclusion: AgentOutcome): AnsweredStep {
  return { outcome: 'concluded', conclusion };
}

type Steering = Extract<Chunk, { type: 'data-steering' }>;

/** What people said to the run since its last step, to be shown before the model's answer and stored with it. */
async function corrections({ context, journal, replay }: ClaimedRun, step: number): Promise<Steering[]> {
  // Only people who are quick correct a run before its first step; the read has told whether somebody did.
  if (step === replay.step && replay.calls === null && !context.hasCorrections) return [];
  const taken = await journal.store((sql, { runId, epoch }) => takeCorrections(sql, { runId, epoch, step }));
  return taken.map((data): Steering => ({ type: 'data-steering', id: data.messageId, data }));
}

/** Shows what stands in a step before the model's answer. */
async function showLead({ journal }: ClaimedRun, chunks: readonly Chunk[]): Promise<void> {
  if (chunks.length > 0) await journal.show(...(journal.step.isOpen ? [] : [startStep]), ...chunks);
}

/** Stores the answer as one step and gives the calls that are to be run. */
async function storeAnswer(claimed: ClaimedRun, step: number, spent: Spent): Promise<PendingCall[]> {
  const { journal, tools, stop, maxSteps } = claimed;
  const parts = await foldChunks(journal.step.chunks);
  const isFinal = step >= maxSteps;
  const records = parts.map((part) =>
    isToolPart(part) ? { part, effect: tools.byName.get(toolNameOf(part))?.effect } : { part },
  );
  await journal.store(async (sql, position, hasRetried) => {
    try {
      const stored = await storeParts(sql, { ...position, step, parts: records, ...spent, isFinal });
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
