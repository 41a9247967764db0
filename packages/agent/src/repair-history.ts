import { nudgeToModel } from './nudge.ts';
import { isToolPart, type MessagePart, type SwitchyardMessage, type ToolPart } from '@switchyard/protocol';

/** What the model reads for a call that has no result and will get none. */
export const interruptedText = 'Interrupted; outcome unknown; inspect before repeating.';

/**
 * Makes stored messages fit for a provider: every call has a result, inputs are objects, nothing empty is left, and
 * what is bound to another model (reasoning, signatures, item ids) is taken out. Pure; the stored messages stay.
 */
export function repairHistory(
  messages: readonly SwitchyardMessage[],
  options: { readonly modelId: string; readonly ownModelId: string },
): SwitchyardMessage[] {
  return messages.flatMap((message) => {
    const named = message.metadata?.model ?? options.ownModelId;
    // Who wrote a step: the model that the run named, unless the step says that another took its place.
    let author = named;
    const parts = message.parts.flatMap((part) => {
      if (part.type === 'step-start') author = named;
      if (part.type === 'data-model') author = part.data.model;
      return repairPart(part, message.role === 'assistant' && author !== options.modelId);
    });
    return parts.some((part) => part.type !== 'step-start') ? [{ ...message, parts }] : [];
  });
}

function repairPart(part: MessagePart, isForeign: boolean): MessagePart[] {
  if (part.type === 'text') {
    // Anthropic refuses texts of nothing but space.
    if (part.text.trim() === '') return [];
    return [isForeign ? { type: 'text', text: part.text } : part];
  }
  if (part.type === 'reasoning') return isForeign ? [] : [part];
  if (part.type === 'data-model' || part.type === 'data-pruned' || part.type === 'data-summary') return [];
  if (part.type === 'data-notice') {
    const text = nudgeToModel(part.data.code);
    return text === null
      ? []
      : [{ type: 'steering-message', id: part.id ?? part.data.code, parts: [{ type: 'text', text }] }];
  }
  if (part.type === 'data-steering') {
    const { messageId, text } = part.data;
    return [{ type: 'steering-message', id: messageId, parts: [{ type: 'text', text }] }];
  }
  if (!isToolPart(part)) return [part];
  const call = { ...withResult(nativeCall(part, isForeign)) };
  // A provider has no use for it: what an answer means to the model stands in the result.
  delete call.approval;
  return [call];
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
      return part;
    case 'output-denied':
      return closedCall(part, deniedText(part.approval.reason));
    case 'input-streaming':
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      break;
  }
  return closedCall(part, interruptedText);
}

/** What the model reads for a call that a person refused. */
function deniedText(reason: string | undefined): string {
  const said = reason ? ` Their words: ${reason}` : '';
  return `Not run: the person who was asked refused it.${said} Do not try the same by another way; go on without it, or ask.`;
}

/** The call with an error in place of a result. */
export function closedCall(part: ToolPart, errorText: string): ToolPart {
  const { type, toolCallId, input, title, callProviderMetadata, approval } = part;
  return {
    type,
    ...(part.type === 'dynamic-tool' ? { toolName: part.toolName } : {}),
    toolCallId,
    state: 'output-error',
    input: input ?? {},
    ...(title === undefined ? {} : { title }),
    ...(callProviderMetadata === undefined ? {} : { callProviderMetadata }),
    errorText,
    ...(approval === undefined ? {} : { approval }),
  } as ToolPart;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
