import type { Chunk, MessagePart, ToolPart } from '@switchyard/protocol';
import { currentStepOf, type Draft } from './draft.ts';
import { parsePartialJson } from './partial-json.ts';
import { isToolPart, nextToolPart, toolNameOf, type ToolUpdate } from './tool-part.ts';

type ToolChunk = Extract<Chunk, { type: `tool-${string}` }>;

/** Applies what happens to a tool call: its input grows, somebody is asked about it, it ends. */
export function applyToolChunk(draft: Draft, chunk: ToolChunk): void {
  switch (chunk.type) {
    case 'tool-input-start':
      writeCall(draft, chunk.dynamic === true, { ...chunk, state: 'input-streaming' });
      break;
    case 'tool-input-delta':
      extendInput(draft, chunk);
      break;
    case 'tool-input-available':
      writeCall(draft, chunk.dynamic === true, { ...chunk, state: 'input-available' });
      break;
    case 'tool-input-error': {
      const begun = draft.parts[placeInStep(draft, (part) => isCall(part, chunk.toolCallId))];
      const isDynamic = begun ? begun.type === 'dynamic-tool' : chunk.dynamic === true;
      writeCall(draft, isDynamic, { ...chunk, title: undefined, state: 'output-error' });
      break;
    }
    case 'tool-approval-request': {
      const { approvalId: id, approvalDescriptor: descriptor, reason: requestReason } = chunk;
      const { isAutomatic, signature } = chunk;
      changeCall(draft, placeOfCall(draft, chunk.toolCallId), {
        state: 'approval-requested',
        approval: {
          id,
          ...(descriptor == null ? {} : { descriptor }),
          ...('inputSchemaInput' in chunk ? { inputSchemaInput: chunk.inputSchemaInput } : {}),
          ...(requestReason == null ? {} : { requestReason }),
          ...(isAutomatic === true ? { isAutomatic } : {}),
          ...(signature == null ? {} : { signature }),
        },
      });
      break;
    }
    case 'tool-approval-response': {
      const { approvalId: id, approved, reason, providerExecuted, providerMetadata } = chunk;
      const place = draft.parts.findIndex((part) => isToolPart(part) && part.approval?.id === id);
      const part = draft.parts[place];
      if (!part || !isToolPart(part)) throw new Error(`${chunk.type} names "${id}", which was not asked.`);
      changeCall(draft, place, {
        state: 'approval-responded',
        approval: { ...part.approval, id, approved, ...(reason == null ? {} : { reason }) },
        ...(providerExecuted == null ? {} : { providerExecuted }),
        ...(providerMetadata == null ? {} : { callProviderMetadata: providerMetadata }),
      });
      break;
    }
    case 'tool-output-denied':
      changeCall(draft, placeOfCall(draft, chunk.toolCallId), { state: 'output-denied' });
      break;
    case 'tool-output-available':
    case 'tool-output-error':
      endCall(draft, chunk);
      break;
  }
}

function extendInput(
  draft: Draft,
  { toolCallId, inputTextDelta }: Extract<ToolChunk, { type: 'tool-input-delta' }>,
): void {
  const part = draft.parts.findLast(
    (part): part is ToolPart => isCall(part, toolCallId) && part.state === 'input-streaming',
  );
  if (part?.state !== 'input-streaming') {
    throw new Error(`tool-input-delta names "${toolCallId}", which was not started.`);
  }
  const { inputEncoding, title, toolMetadata } = part;
  const rawInput = (part.rawInput ?? '') + inputTextDelta;
  writeCall(draft, part.type === 'dynamic-tool', {
    toolCallId,
    toolName: toolNameOf(part),
    state: 'input-streaming',
    rawInput,
    // The text grows with every delta: parsed at each, a long input would cost its length squared.
    readInput: () => (inputEncoding === 'text' ? rawInput : parsePartialJson(rawInput)),
    inputEncoding,
    title,
    toolMetadata,
  });
}

function endCall(
  draft: Draft,
  chunk: Extract<ToolChunk, { type: 'tool-output-available' | 'tool-output-error' }>,
): void {
  const place = placeOfCall(draft, chunk.toolCallId);
  const part = draft.parts[place];
  if (!part || !isToolPart(part)) return;
  const isDynamic = part.type === 'dynamic-tool';
  const rawInput = 'rawInput' in part && !isDynamic ? part.rawInput : undefined;
  const result =
    chunk.type === 'tool-output-available'
      ? ({ state: 'output-available', output: chunk.output, preliminary: chunk.preliminary } as const)
      : ({ state: 'output-error', errorText: chunk.errorText, rawInput } as const);
  draft.parts[place] = nextToolPart(part, isDynamic, {
    ...result,
    toolCallId: chunk.toolCallId,
    toolName: toolNameOf(part),
    input: part.input,
    toolMetadata: chunk.toolMetadata ?? part.toolMetadata,
    providerExecuted: chunk.providerExecuted,
    providerMetadata: chunk.providerMetadata,
  });
}

/** Updates the current step's part of a call, or adds one: an id may come again in a later step. */
function writeCall(draft: Draft, isDynamic: boolean, update: ToolUpdate): void {
  const place = placeInStep(
    draft,
    (part) => isCall(part, update.toolCallId) && (part.type === 'dynamic-tool') === isDynamic,
  );
  const previous = draft.parts[place];
  const next = nextToolPart(previous && isToolPart(previous) ? previous : undefined, isDynamic, update);
  if (place === -1) draft.parts.push(next);
  else draft.parts[place] = next;
}

function changeCall({ parts }: Draft, place: number, changes: object): void {
  parts[place] = { ...parts[place], ...changes } as ToolPart;
}

/** Where a call's part stands: in the current step, else the last one before it. */
function placeOfCall(draft: Draft, toolCallId: string): number {
  const isThisCall = (part: MessagePart) => isCall(part, toolCallId);
  const place = placeInStep(draft, isThisCall);
  const found = place === -1 ? draft.parts.findLastIndex(isThisCall) : place;
  if (found === -1) throw new Error(`There is no tool call "${toolCallId}".`);
  return found;
}

function placeInStep(draft: Draft, matches: (part: MessagePart) => boolean): number {
  for (let place = currentStepOf(draft); place < draft.parts.length; place += 1) {
    const part = draft.parts[place];
    if (part && matches(part)) return place;
  }
  return -1;
}

function isCall(part: MessagePart, toolCallId: string): part is ToolPart {
  return isToolPart(part) && part.toolCallId === toolCallId;
}
