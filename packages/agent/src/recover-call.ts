import type { CallRecord, Sandbox } from '@switchyard/sandbox';
import type { Ledger } from '@switchyard/store';
import { RunStopped } from './run-stop.ts';
import type { Tool, ToolContext, ToolResult } from './tool.ts';

/** What is to be done about a call that an earlier worker may have begun. */
export type Recovery =
  | { readonly action: 'run' }
  | { readonly action: 'take'; readonly result: ToolResult }
  /** Nobody can tell what it did: it is never repeated silently. */
  | { readonly action: 'unknown' };

export interface InterruptedCall {
  readonly callId: string;
  readonly ledger: Ledger;
  readonly incarnation: string | null;
}

/** What it takes to find out about a call. */
export interface RecoverOptions<Input> {
  readonly call: InterruptedCall;
  readonly tool: Tool<Input>;
  readonly input: Input;
  readonly openSandbox: () => Promise<Sandbox>;
  readonly threadId: string;
  readonly emitOutput: ToolContext['emitOutput'];
  readonly signal: AbortSignal;
}

/** How long a command may run whose tool does not say. A guess. */
export const defaultTimeoutMs = 1_800_000;
/** For one whose time is over already: enough to see whether it has just ended. */
const minAttachedMs = 1000;

/**
 * Decides from the ledger, and for a `once` call in a sandbox from what the sandbox knows of it: one that was never
 * started is free to run, one that has ended left its result, one that still runs is followed to its end.
 */
export async function recoverCall<Input>(options: RecoverOptions<Input>): Promise<Recovery> {
  const { call, tool, input, openSandbox, emitOutput, signal } = options;
  const { callId, incarnation } = call;
  if (call.ledger !== 'executing' || tool.effect === 'read' || tool.needs === 'nothing')
    return { action: 'run' };
  if (tool.needs === 'outside' || incarnation === null) return { action: 'unknown' };
  const sandbox = await openSandbox();
  let record = await sandbox.inspectCall(callId, incarnation, { signal });
  if (record.state === 'started') {
    const timeoutMs = tool.timeoutMs?.(input) ?? defaultTimeoutMs;
    const followed = await sandbox.attachCall({
      callId,
      incarnation,
      timeoutMs: Math.max(minAttachedMs, timeoutMs - record.startedMsAgo),
      isLeftAtTimeout: tool.recoverLeft !== undefined,
      readerId: options.threadId,
      signal,
      onOutput: emitOutput,
      isKilledBy,
    });
    if (followed.outcome === 'running' && tool.recoverLeft) {
      const left = { callId, output: followed.output, logPath: followed.log.path };
      return { action: 'take', result: tool.recoverLeft(left, input) };
    }
    record = await sandbox.inspectCall(callId, incarnation, { signal });
  }
  return conclude(record, tool, input);
}

function conclude<Input>(record: CallRecord, tool: Tool<Input>, input: Input): Recovery {
  switch (record.state) {
    case 'free':
      return { action: 'run' };
    case 'recorded': {
      const { exitCode, isTimedOut, output, result, logPath } = record;
      if (tool.recover) {
        const ended = { exitCode, isTimedOut, output, result, logPath };
        return { action: 'take', result: tool.recover(ended, input) };
      }
      return { action: 'take', result: { outcome: 'ok', output: result ?? { exitCode, output } } };
    }
    case 'started':
    case 'unknown':
      return { action: 'unknown' };
  }
}

/** A run that moves to another worker leaves its command running. */
function isKilledBy(reason: unknown): boolean {
  return !(reason instanceof RunStopped && (reason.stopCause === 'hand-over' || reason.stopCause === 'lost'));
}
