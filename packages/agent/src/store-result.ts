import { type Ledger, setToolState } from '@switchyard/store';
import { type SettledCall, settleCall } from './call-result.ts';
import type { CallSurroundings, PendingCall } from './call-tool.ts';
import type { ToolResult } from './tool.ts';

/** Stores a call's result and then shows it, as one turn of the journal: stored order is shown order. */
export async function storeResult(
  around: CallSurroundings,
  options: { readonly call: PendingCall; readonly result: ToolResult; readonly isUnknown: boolean },
): Promise<SettledCall> {
  const settled = settleCall(options.call.part, options.result);
  await storeSettled(around, { settled, ledger: options.isUnknown ? 'unknown' : 'done' });
  return settled;
}

/** The same for a call that was settled without running. */
export async function storeSettled(
  around: CallSurroundings,
  { settled, ledger }: { readonly settled: SettledCall; readonly ledger: Ledger },
): Promise<void> {
  const { part, appended, chunks } = settled;
  const { cancelRequested } = await around.journal.store(
    (sql, position) => setToolState(sql, { ...position, callId: part.toolCallId, ledger, part, appended }),
    ...chunks,
  );
  if (cancelRequested) around.stop.stop('cancelled');
}
