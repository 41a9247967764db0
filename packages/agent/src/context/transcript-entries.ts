import type { ModelMessage, ToolResultPart } from 'ai';
import { isSaidByUs } from '../nudge.ts';
import { markLines } from './cut-text.ts';
import { notesOf, requestLead } from './since-summary.ts';

/** Characters of one input or result in a transcript; the beginning and the end say most. A guess. */
const maxPartLength = 3000;

/** One thing that was said or done in a conversation. */
export interface TranscriptEntry {
  /** What it is a part of: what the user asked for, what the model answered, or the work in between. */
  readonly of: 'request' | 'answer' | 'work';
  readonly heading: string;
  /** Every line of it is marked. */
  readonly body: string;
  /** Characters of the body at most, even where there is room. */
  readonly maxLength: number;
}

/** What a conversation holds, in its order; the thoughts of a model are left out. */
export function entriesOf({ role, content }: ModelMessage): TranscriptEntry[] {
  const textOf = (text: string) => (role === 'user' ? readUserText(text) : entry('answer', role, text));
  if (typeof content === 'string') return [textOf(content)];
  return content.flatMap((part): TranscriptEntry[] => {
    switch (part.type) {
      case 'text':
        return [textOf(part.text)];
      case 'tool-call':
        return [workOf('call', part, part.input)];
      case 'tool-result':
        return [workOf('result', part, valueOf(part.output))];
      case 'file':
      case 'image':
        return [textOf('[a picture or file]')];
      default:
        return [];
    }
  });
}

/** A model is told on the user's side also what the user never said. */
function readUserText(text: string): TranscriptEntry {
  const notes = notesOf(text);
  if (notes !== null) return entry('request', 'notes', notes);
  if (text === requestLead || isSaidByUs(text)) return entry('work', 'reminder', text);
  return entry('request', 'user', text);
}

function entry(of: TranscriptEntry['of'], heading: string, text: string): TranscriptEntry {
  const maxLength = of === 'work' ? maxPartLength : Infinity;
  return { of, heading: `## ${heading}`, body: markLines(text), maxLength };
}

function workOf(
  kind: 'call' | 'result',
  { toolName, toolCallId }: { readonly toolName: string; readonly toolCallId: string },
  value: unknown,
): TranscriptEntry {
  // A model may make up both.
  const name = (text: string) => text.replaceAll(/[^\w.:-]/g, '_').slice(0, 100);
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return entry('work', `${kind} of ${name(toolName)} (${name(toolCallId)})`, text);
}

function valueOf(output: ToolResultPart['output']): unknown {
  if (output.type === 'execution-denied') return 'denied';
  if (output.type !== 'content') return output.value;
  return output.value.map((part) => (part.type === 'text' ? part.text : '[picture]')).join('\n');
}
