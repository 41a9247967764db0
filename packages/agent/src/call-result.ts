import { type Chunk, type DataPart, storableJson, storableText, type ToolPart } from '@switchyard/protocol';
import { closedCall } from './repair-history.ts';
import type { ToolResult } from './tool.ts';

/** What a call's result becomes: the stored part, the parts beside it, and the chunks that show the same. */
export interface SettledCall {
  readonly part: ToolPart;
  readonly appended: readonly DataPart[];
  readonly chunks: readonly Chunk[];
}

/** A result above this is a tool's fault: rows, log and history would carry it for ever. From the design of the log. */
const maxOutputLength = 1024 * 1024;
const maxErrorLength = 8192;

/** Pure. Text that cannot be stored is made storable, for the store and the viewers alike. */
export function settleCall(part: ToolPart, result: ToolResult): SettledCall {
  if (result.outcome === 'error') return failed(part, result.message);
  const output = storableJson(result.output);
  const length = JSON.stringify(output).length;
  if (length > maxOutputLength) {
    return failed(part, `The result is too large to be kept (${length} characters). Ask for less of it.`);
  }
  const appended = storableJson(result.data ?? []);
  const { errorText: _, ...call } = { errorText: undefined, ...part };
  return {
    part: { ...call, state: 'output-available', output } as ToolPart,
    appended,
    chunks: [
      { type: 'tool-output-available', toolCallId: part.toolCallId, ...dynamicOf(part), output },
      ...appended.map((data) => data as Chunk),
    ],
  };
}

/** What becomes of a call that a person refused; his answer stands in its part already. */
export function denyCall(part: ToolPart): SettledCall {
  return {
    part: { ...part, state: 'output-denied' } as ToolPart,
    appended: [],
    chunks: [{ type: 'tool-output-denied', toolCallId: part.toolCallId }],
  };
}

function failed(part: ToolPart, message: string): SettledCall {
  const errorText = storableText(message).slice(0, maxErrorLength).toWellFormed();
  return {
    part: closedCall(part, errorText),
    appended: [],
    chunks: [{ type: 'tool-output-error', toolCallId: part.toolCallId, ...dynamicOf(part), errorText }],
  };
}

function dynamicOf(part: ToolPart): { dynamic?: true } {
  return part.type === 'dynamic-tool' ? { dynamic: true } : {};
}
