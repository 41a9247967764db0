import type { Sandbox } from '@switchyard/sandbox';
import type { Ledger } from '@switchyard/store';
import type { Tool, ToolResult } from './tool.ts';

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

/** Decides from the ledger, and for a `once` call in a sandbox from what the sandbox recorded of it. */
export async function recoverCall<Input>(options: {
  readonly call: InterruptedCall;
  readonly tool: Tool<Input>;
  readonly input: Input;
  readonly openSandbox: () => Promise<Sandbox>;
  readonly signal: AbortSignal;
}): Promise<Recovery> {
  const { call, tool, input, openSandbox, signal } = options;
  if (call.ledger !== 'executing' || tool.effect === 'read' || tool.needs === 'nothing')
    return { action: 'run' };
  if (tool.needs === 'outside' || call.incarnation === null) return { action: 'unknown' };
  const sandbox = await openSandbox();
  const record = await sandbox.inspectCall(call.callId, call.incarnation, { signal });
  switch (record.state) {
    case 'free':
      return { action: 'run' };
    case 'recorded': {
      const { exitCode, output, result } = record;
      if (tool.recover) return { action: 'take', result: tool.recover({ exitCode, output, result }, input) };
      return { action: 'take', result: { outcome: 'ok', output: result ?? { exitCode, output } } };
    }
    case 'started':
    case 'unknown':
      return { action: 'unknown' };
  }
}
