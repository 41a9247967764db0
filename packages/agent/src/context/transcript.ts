import type { ModelMessage, ToolResultPart } from 'ai';

/** Characters of one input or result in a transcript; the beginning and the end say most. A guess. */
const maxPartLength = 3000;

/** A conversation as one text, cut in its middle to so many characters: the goal stands first, the newest last. */
export function transcriptOf(messages: readonly ModelMessage[], maxCharacters: number): string {
  return cutMiddle(messages.flatMap(linesOf).join('\n\n'), maxCharacters, 0.3);
}

function linesOf({ role, content }: ModelMessage): string[] {
  if (typeof content === 'string') return [`## ${role}\n${content}`];
  return content.flatMap((part) => {
    switch (part.type) {
      case 'text':
        return [`## ${role}\n${part.text}`];
      case 'tool-call':
        return [`## call of ${part.toolName} (${part.toolCallId})\n${short(part.input)}`];
      case 'tool-result':
        return [`## result of ${part.toolName} (${part.toolCallId})\n${short(valueOf(part.output))}`];
      case 'file':
      case 'image':
        return [`## ${role}\n[a picture or file]`];
      default:
        return [];
    }
  });
}

function valueOf(output: ToolResultPart['output']): unknown {
  if (output.type === 'execution-denied') return 'denied';
  if (output.type !== 'content') return output.value;
  return output.value.map((part) => (part.type === 'text' ? part.text : '[picture]')).join('\n');
}

function short(value: unknown): string {
  return cutMiddle(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), maxPartLength, 0.5);
}

/** The beginning and the end of a text; `head`: the share of the beginning. */
export function cutMiddle(text: string, maxCharacters: number, head: number): string {
  if (text.length <= maxCharacters) return text;
  const headLength = Math.floor(maxCharacters * head);
  const tailStart = text.length - (maxCharacters - headLength);
  const leftOut = `[… ${tailStart - headLength} characters left out …]`;
  return `${text.slice(0, headLength)}\n${leftOut}\n${text.slice(tailStart)}`.toWellFormed();
}
