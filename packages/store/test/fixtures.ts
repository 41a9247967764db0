import { randomUUID } from 'node:crypto';
import type { MessagePart, ToolPart, Usage, UserId } from '@switchyard/protocol';
import {
  type Actor,
  claimRun,
  type Database,
  parkRun,
  resolveUser,
  startRun,
  type StartedRun,
  type StartRunOptions,
  storeParts,
} from '../src/index.ts';

/** A user with a personal account, seen for the first time. */
export async function newActor(sql: Database): Promise<Actor> {
  return resolveUser(sql, { userId: randomUUID() as UserId, email: null });
}

/** A run with the message `hello`, in a thread of its own unless told. */
export async function newRun(
  sql: Database,
  actor: Actor,
  options: Partial<StartRunOptions> = {},
): Promise<StartedRun> {
  return startRun(sql, actor, {
    requestHash: 'hash',
    model: 'scripted:demo',
    limits: {},
    message: { parts: [{ type: 'text', text: 'hello' }] },
    ...options,
  });
}

/** A run under its first epoch. */
export async function newClaimedRun(
  sql: Database,
  actor: Actor,
  options: Partial<StartRunOptions> = {},
): Promise<StartedRun & { readonly runId: string; readonly epoch: number }> {
  const started = await newRun(sql, actor, options);
  const epoch = await claim(sql, started);
  return { ...started, runId: started.run.id, epoch };
}

/** Claims a run that must be there to be claimed; answers the epoch. */
export async function claim(
  sql: Database,
  { run, wakeup }: Pick<StartedRun, 'run' | 'wakeup'>,
): Promise<number> {
  const answer = await claimRun(sql, { runId: run.id, wakeup, workerId: 'test' });
  if (answer.outcome !== 'claimed') throw new Error(`run ${run.id} was not to be claimed`);
  return answer.epoch;
}

export const usageOf = (inputTokens: number, outputTokens: number): Usage => ({
  inputTokens,
  cachedInputTokens: 0,
  outputTokens,
  totalTokens: inputTokens + outputTokens,
  estimated: false,
});

export const stepStart: MessagePart = { type: 'step-start' };

export const textPart = (text: string): MessagePart => ({ type: 'text', text, state: 'done' });

/** A call of the shell as the model asked for it. */
export function calledShell(callId: string): ToolPart {
  return { type: 'tool-shell', toolCallId: callId, state: 'input-available', input: { command: 'ls' } };
}

/** The same call with its result. */
export function finishedShell(callId: string, output: string): ToolPart {
  return {
    type: 'tool-shell',
    toolCallId: callId,
    state: 'output-available',
    input: { command: 'ls' },
    output,
  };
}

/** A run that waits for consent to these calls once it is parked, and its approvals by call. */
export async function newWaitingRun(sql: Database, actor: Actor, ...callIds: readonly string[]) {
  const started = await newClaimedRun(sql, actor);
  const { runId, epoch } = started;
  const parts = callIds.map((callId) => calledShell(callId));
  await storeParts(sql, {
    runId,
    epoch,
    step: 1,
    parts: [{ part: stepStart }, ...parts.map((part) => ({ part }))],
    usage: usageOf(1, 1),
    costUsd: 0,
    lastOrdinal: 5,
    isFinal: false,
  });
  const calls = parts.map((part) => {
    const approvalId = crypto.randomUUID();
    const approval = { id: approvalId, requestReason: 'May I?' };
    return { approvalId, part: { ...part, state: 'approval-requested', approval } as ToolPart };
  });
  const park = () => parkRun(sql, { runId, epoch, lastOrdinal: 6 - calls.length, calls });
  return { ...started, calls, ids: calls.map(({ approvalId }) => approvalId), park };
}
