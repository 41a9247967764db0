import type { MessagePart, ToolPart } from '@switchyard/protocol';

/** As in the protocol package, whose values do not travel to browsers. */
export function isToolPart(part: MessagePart): part is ToolPart {
  return part.type === 'dynamic-tool' || part.type.startsWith('tool-');
}

export function toolNameOf(part: ToolPart): string {
  return part.type === 'dynamic-tool' ? part.toolName : part.type.slice('tool-'.length);
}
