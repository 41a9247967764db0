import type { MessagePart, SwitchyardMessage } from '@switchyard/protocol';

/** Where the text and reasoning parts stand that are still being written, by the ids that their chunks carry. */
interface OpenParts {
  readonly texts: ReadonlyMap<string, number>;
  readonly reasonings: ReadonlyMap<string, number>;
}

/**
 * A message while chunks are applied to it. The list of parts is the draft's own; the parts in it belong to messages
 * that others hold, so they are replaced and never changed.
 */
export interface Draft {
  message: Omit<SwitchyardMessage, 'parts'>;
  parts: MessagePart[];
  texts: ReadonlyMap<string, number>;
  reasonings: ReadonlyMap<string, number>;
}

const nothingOpen: OpenParts = { texts: new Map(), reasonings: new Map() };

/**
 * A message's parts do not say which chunk ids they came from, so that is kept beside. By the list of parts and not by
 * the message: `{...message}` goes on where the message was.
 */
const openParts = new WeakMap<readonly MessagePart[], OpenParts>();

/** Opens a draft of a message; what is not an assistant's is where an answer begins that has its id. */
export function openDraft(message: SwitchyardMessage | undefined): Draft {
  if (message?.role !== 'assistant') return newDraft(message?.id ?? '');
  const { parts, ...rest } = message;
  return { message: rest, parts: [...parts], ...(openParts.get(parts) ?? nothingOpen) };
}

/** A draft without parts. */
export function newDraft(id: string): Draft {
  return { message: { id, role: 'assistant' }, parts: [], ...nothingOpen };
}

/** The draft as a message; the draft is not used any more. */
export function closeDraft({ message, parts, texts, reasonings }: Draft): SwitchyardMessage {
  openParts.set(parts, { texts, reasonings });
  return { ...message, parts };
}

/** Where the current step's parts begin: after the last mark of a step, or at the beginning when there is none. */
export function currentStepOf({ parts }: Draft): number {
  return parts.findLastIndex(({ type }) => type === 'step-start') + 1;
}
