import type { Logger } from '@switchyard/process';
import { AppError, storableText, type Todo, type ToolPart, toolNameOf } from '@switchyard/protocol';
import { ClaimTakenError } from '@switchyard/sandbox';
import { type Ledger, setToolState } from '@switchyard/store';
import { issuesOf } from './answer-chunks.ts';
import type { Recovery } from './recover-call.ts';
import { isSandboxTrouble, recoverThroughOutage } from './recover-through-outage.ts';
import { interruptedText } from './repair-history.ts';
import type { RunJournal } from './run-journal.ts';
import type { RunStop } from './run-stop.ts';
import type { SandboxAccess } from './sandbox-access.ts';
import type { JSONValue } from 'ai';
import type { Tool, ToolContext, ToolResult } from './tool.ts';
import type { Toolset } from './toolset.ts';

/** A call of a stored step that has no result yet. */
export interface PendingCall {
  readonly part: ToolPart;
  readonly ledger: Ledger;
  readonly incarnation: string | null;
}

/** What the calls of one run share. */
export interface CallSurroundings {
  readonly journal: RunJournal;
  readonly threadId: string;
  readonly tools: Toolset;
  readonly sandbox: SandboxAccess;
  readonly stop: RunStop;
  /** False when the lock was not renewed lately, so that somebody else may have the run. */
  readonly isOwned: () => boolean;
  readonly readTodos: () => readonly Todo[];
  readonly readResult: ToolContext['readResult'];
  readonly logger: Logger;
}

/**
 * How one call ended. `stopped`: the run was told to stop and the call has no result of its own. `isUnknown`: nobody
 * can tell what it did.
 */
export type CallOutcome =
  | { readonly outcome: 'settled'; readonly result: ToolResult; readonly isUnknown: boolean }
  | { readonly outcome: 'stopped'; readonly wasExecuting: boolean };

/**
 * What a tool gets after a stop to kill its command and to answer; guesses: above the time that a kill takes, and well
 * below what is left for a hand-over once the drain time is over (2 s).
 */
const settleMs = { cancelled: 5000, 'time-limit': 5000, 'hand-over': 1000, lost: 0 } as const;

/** Runs one call up to its result, which the caller stores. Rejects only when the run is lost or the store fails. */
export async function callTool(around: CallSurroundings, call: PendingCall): Promise<CallOutcome> {
  const { signal } = around.stop;
  if (!around.isOwned()) around.stop.stop('lost');
  if (signal.aborted) return { outcome: 'stopped', wasExecuting: false };
  const name = toolNameOf(call.part);
  const tool = around.tools.byName.get(name);
  if (!tool) return failed(`There is no tool "${name}".`);
  const input = tool.inputSchema.safeParse(call.part.input);
  if (!input.success)
    return failed(`The arguments of "${name}" are not valid. ${issuesOf(input.error) ?? ''}`);
  const emit = emitterOf(around.journal, call.part.toolCallId);
  // What a tool says after its result would stand behind it in the log, or behind the event that the run waits under.
  let hasResult = false;
  const emitOutput: ToolContext['emitOutput'] = (stream, text) => {
    if (!hasResult) emit(stream, text);
  };
  const checked = { call, tool, input: input.data, emitOutput };
  try {
    const prepared = await attempt(around, call, () => prepare(around, checked));
    if ('outcome' in prepared) return prepared;
    const { incarnation, isMarked } = prepared;
    if (!isMarked && !(await mark(around, call, incarnation)))
      return { outcome: 'stopped', wasExecuting: false };
    return await attempt(around, call, () => settled(perform(around, checked, incarnation), around.stop));
  } finally {
    hasResult = true;
  }
}

/** A call whose tool is known, and whose input is as the tool wants it. */
interface CheckedCall {
  readonly call: PendingCall;
  readonly tool: Tool;
  readonly input: unknown;
  readonly emitOutput: ToolContext['emitOutput'];
}

/** Lets the tool do its work. When the line to the sandbox fails behind the claim, finds out what became of it. */
async function perform(
  around: CallSurroundings,
  checked: CheckedCall,
  incarnation: string | null,
): Promise<CallOutcome> {
  const { call, tool, input, emitOutput } = checked;
  const context = contextOf(around, { callId: call.part.toolCallId, incarnation, emitOutput });
  let hasClaimed = false;
  const claim: ToolContext['claim'] = (result) => {
    hasClaimed = true;
    return context.claim(result);
  };
  try {
    return { outcome: 'settled', result: await tool.execute(input, { ...context, claim }), isUnknown: false };
  } catch (error) {
    const isLost = hasClaimed && isSandboxTrouble(error) && !around.stop.signal.aborted;
    if (!isLost || incarnation === null) throw error;
    return await findOut(around, checked, { incarnation, error });
  }
}

/**
 * What became of a claimed call whose answer was lost. One that never began is sealed, so that a request which is still
 * on its way cannot begin it behind its result.
 */
async function findOut(
  around: CallSurroundings,
  checked: CheckedCall,
  { incarnation, error }: { readonly incarnation: string; readonly error: AppError },
): Promise<CallOutcome> {
  const { sandbox, stop, logger } = around;
  const { toolCallId: callId } = checked.call.part;
  const tool = checked.tool.name;
  logger.warn({ callId, tool, code: error.code, error: error.cause }, 'the answer of a call was lost');
  sandbox.forget();
  const recovery = await recover(around, checked, { ledger: 'executing', incarnation });
  switch (recovery.action) {
    case 'take':
      return { outcome: 'settled', result: recovery.result, isUnknown: false };
    case 'unknown':
      return unknown();
    case 'run': {
      const { signal } = stop;
      const isSealed = await sandbox
        .open()
        .then((opened) => opened.sealCall(callId, incarnation, { signal }))
        .catch((thrown: unknown) => {
          if (signal.aborted || !isSandboxTrouble(thrown)) throw thrown;
          return false;
        });
      return isSealed ? failed(`${error.detail} Nothing was done.`) : unknown();
    }
  }
}

async function recover(
  around: CallSurroundings,
  { call, tool, input, emitOutput }: CheckedCall,
  known: Pick<PendingCall, 'ledger' | 'incarnation'>,
): Promise<Recovery> {
  const { sandbox, stop, threadId } = around;
  return await recoverThroughOutage({
    call: { ledger: known.ledger, incarnation: known.incarnation, callId: call.part.toolCallId },
    tool,
    input,
    openSandbox: sandbox.open,
    forgetSandbox: sandbox.forget,
    threadId,
    emitOutput,
    signal: stop.signal,
  });
}

/** Catches what a tool or the sandbox throws; a stop is no failure of the tool. */
async function attempt<Value>(
  around: CallSurroundings,
  call: PendingCall,
  action: () => Promise<Value>,
): Promise<Value | CallOutcome> {
  try {
    return await action();
  } catch (error) {
    if (around.stop.signal.aborted) return { outcome: 'stopped', wasExecuting: true };
    return explain(around, call, error);
  }
}

/** What is known before the effect: the sandbox's incarnation, and whether the ledger has it already. */
interface PreparedCall {
  readonly incarnation: string | null;
  readonly isMarked: boolean;
}

/** Decides what an interrupted call needs, and starts the sandbox of a call that will be claimed in it. */
async function prepare(around: CallSurroundings, checked: CheckedCall): Promise<PreparedCall | CallOutcome> {
  const { sandbox } = around;
  const { call, tool } = checked;
  const recovery = await recover(around, checked, call);
  switch (recovery.action) {
    case 'take':
      return { outcome: 'settled', result: recovery.result, isUnknown: false };
    case 'unknown':
      return unknown();
    case 'run': {
      // A repetition does no harm, so the ledger need not know.
      if (tool.effect === 'read' || tool.needs === 'nothing') return { incarnation: null, isMarked: true };
      const incarnation = tool.needs === 'sandbox' ? (await sandbox.enter()).incarnation : null;
      return { incarnation, isMarked: call.ledger === 'executing' && call.incarnation === incarnation };
    }
  }
}

/** Marks the call as `executing`, before its effect. False when the run was stopped meanwhile: nothing has begun. */
async function mark(
  around: CallSurroundings,
  call: PendingCall,
  incarnation: string | null,
): Promise<boolean> {
  const { cancelRequested } = await around.journal.store((sql, position) =>
    setToolState(sql, { ...position, callId: call.part.toolCallId, ledger: 'executing', incarnation }),
  );
  if (cancelRequested) around.stop.stop('cancelled');
  return !around.stop.signal.aborted;
}

function contextOf(
  around: CallSurroundings,
  {
    callId,
    incarnation,
    emitOutput,
  }: Pick<ToolContext, 'callId' | 'emitOutput'> & { readonly incarnation: string | null },
): ToolContext {
  const { journal, threadId, sandbox, stop, readTodos, readResult } = around;
  return {
    callId,
    runId: journal.runId,
    threadId,
    signal: stop.signal,
    sandbox: sandbox.enter,
    runningSandbox: sandbox.running,
    takeRestart: sandbox.takeRestart,
    readTodos,
    readResult,
    claim(result?: JSONValue) {
      if (incarnation === null)
        return Promise.reject(new Error('Only a once tool in the sandbox has a claim.'));
      return Promise.resolve({ callId, incarnation, ...(result === undefined ? {} : { result }) });
    },
    emitOutput,
  };
}

function emitterOf(journal: RunJournal, toolCallId: string): ToolContext['emitOutput'] {
  return (stream, text) => {
    const data = { toolCallId, stream, text: storableText(text) };
    journal.showNow({ type: 'data-tool-output', data, transient: true });
  };
}

/** The tool's result; after a stop it has a short time to come, then the signal's reason is thrown. */
async function settled<Value>(execution: Promise<Value>, { signal, cause }: RunStop): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const giveUp = () => {
    timer = setTimeout(() => reject(signal.reason), settleMs[cause() ?? 'lost']);
  };
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([execution, late]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

/** Expected failures are the model's to read; a bug is logged and said without its details. */
function explain(around: CallSurroundings, call: PendingCall, error: unknown): CallOutcome {
  if (error instanceof ClaimTakenError) return unknown();
  const { toolCallId: callId } = call.part;
  const tool = toolNameOf(call.part);
  if (error instanceof AppError) {
    if (error.code === 'sandbox_failed' || error.code === 'sandbox_unavailable') around.sandbox.forget();
    around.logger.info({ callId, tool, code: error.code, error: error.cause }, 'tool refused');
    return failed(error.detail);
  }
  around.logger.error({ callId, tool, error }, 'tool threw');
  return failed(
    `The tool "${tool}" failed unexpectedly. It may have had an effect; inspect before repeating.`,
  );
}

function failed(message: string): CallOutcome {
  return { outcome: 'settled', result: { outcome: 'error', message }, isUnknown: false };
}

function unknown(): CallOutcome {
  return { outcome: 'settled', result: { outcome: 'error', message: interruptedText }, isUnknown: true };
}
