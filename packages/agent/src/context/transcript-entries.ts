import type { ModelMessage, ToolResultPart } from 'ai';
import { cutMiddle } from './cut-middle.ts';

/** Characters of one input or result in a transcript; the beginning and the end say most. A guess. */
const maxPartLength = 3000;

/** One thing that was said or done in a conversation. */
export interface TranscriptEntry {
  /** What it is a part of: what the user said, what the model answered, or the work in between. */
  readonly of: 'request' | 'answer' | 'work';
  readonly heading: string;
  readonly body: string;
}

/** What a conversation holds, in its order; the thoughts of a model are left out. */
export function entriesOf({ role, content }: ModelMessage): TranscriptEntry[] {
  const of = role === 'user' ? 'request' : 'answer';
  if (typeof content === 'string') return [{ of, heading: `## ${role}`, body: content }];
  return content.flatMap((part): TranscriptEntry[] => {
    switch (part.type) {
      case 'text':
        return [{ of, heading: `## ${role}`, body: part.text }];
      case 'tool-call':
        return [workOf('call', part, part.input)];
      case 'tool-result':
        return [workOf('result', part, valueOf(part.output))];
      case 'file':
      case 'image':
        return [{ of, heading: `## ${role}`, body: '[a picture or file]' }];
      default:
        return [];
    }
  });
}

function workOf(
  kind: 'call' | 'result',
  { toolName, toolCallId }: { readonly toolName: string; readonly toolCallId: string },
  value: unknown,
): TranscriptEntry {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return {
    of: 'work',
    heading: `## ${kind} of ${toolName} (${toolCallId})`,
    body: cutMiddle(text, maxPartLength, 0.5),
  };
}

function valueOf(output: ToolResultPart['output']): unknown {
  if (output.type === 'execution-denied') return 'denied';
  if (output.type !== 'content') return output.value;
  return output.value.map((part) => (part.type === 'text' ? part.text : '[picture]')).join('\n');
}
