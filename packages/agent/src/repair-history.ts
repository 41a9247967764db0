import { isToolPart, type MessagePart, type SwitchyardMessage, type ToolPart } from '@switchyard/protocol';

/** What the model reads for a call that has no result and will get none. */
export const interruptedText = 'Interrupted; outcome unknown; inspect before repeating.';

/**
 * Makes stored messages fit for a provider: every call has a result, inputs are objects, nothing empty is left, and
 * what is bound to another model (reasoning, signatures, item ids) is taken out. Pure; the stored messages stay.
 */
export function repairHistory(
  messages: readonly SwitchyardMessage[],
  options: { readonly modelId: string },
): SwitchyardMessage[] {
  return messages.flatMap((message) => {
    const isForeign =
      message.role === 'assistant' &&
      message.metadata !== undefined &&
      message.metadata.model !== options.modelId;
    const parts = message.parts.flatMap((part) => repairPart(part, isForeign));
    return parts.some((part) => part.type !== 'step-start') ? [{ ...message, parts }] : [];
  });
}

function repairPart(part: MessagePart, isForeign: boolean): MessagePart[] {
  if (part.type === 'text') {
    // Anthropic refuses empty texts.
    if (part.text === '') return [];
    return [isForeign ? { type: 'text', text: part.text } : part];
  }
  if (part.type === 'reasoning') return isForeign ? [] : [part];
  if (!isToolPart(part)) return [part];
  return [withResult(nativeCall(part, isForeign))];
}

function nativeCall(part: ToolPart, isForeign: boolean): ToolPart {
  const call: ToolPart = { ...part };
  if (isForeign) {
    delete call.callProviderMetadata;
    if ('resultProviderMetadata' in call) delete call.resultProviderMetadata;
  }
  // Providers refuse a whole request for a name of other characters or an input that is no object.
  if (call.type === 'dynamic-tool')
    call.toolName = call.toolName.replaceAll(/[^\w-]/g, '_').slice(0, 64) || 'unknown';
  if (call.state !== 'input-streaming' && !isObject(call.input)) call.input = { unparsed: call.input ?? '' };
  return call;
}

function withResult(part: ToolPart): ToolPart {
  switch (part.state) {
    case 'output-available':
      if (part.preliminary !== true) return part;
      break;
    case 'output-error':
    case 'output-denied':
      return part;
    case 'input-streaming':
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      break;
  }
  return closedCall(part, interruptedText);
}

/** The call with an error in place of a result. */
export function closedCall(part: ToolPart, errorText: string): ToolPart {
  const { type, toolCallId, input, title, callProviderMetadata } = part;
  return {
    type,
    ...(part.type === 'dynamic-tool' ? { toolName: part.toolName } : {}),
    toolCallId,
    state: 'output-error',
    input: input ?? {},
    ...(title === undefined ? {} : { title }),
    ...(callProviderMetadata === undefined ? {} : { callProviderMetadata }),
    errorText,
  } as ToolPart;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
