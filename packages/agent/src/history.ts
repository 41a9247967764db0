import { isToolPart, type MessagePart, type SwitchyardMessage } from '@switchyard/protocol';
import type { FileRow } from '@switchyard/store';
import { convertToModelMessages, type ModelMessage, type ToolSet } from 'ai';
import { attachedFile, describeAttachment } from './attached-files.ts';
import { isSummary, sinceSummary } from './context/since-summary.ts';
import { continueText, isSaidBehind } from './nudge.ts';
import type { PicturesById } from './pictures.ts';
import { repairHistory } from './repair-history.ts';
import { stepsOf } from './steps-of.ts';

export interface HistoryOptions {
  /** The thread's other messages, oldest first. */
  readonly history: readonly SwitchyardMessage[];
  /** This run's own message so far, and the model that the run named. */
  readonly own: { readonly id: string; readonly modelId: string; readonly parts: readonly MessagePart[] };
  /** What people, or we, said to the run since its last step; the model reads it now. */
  readonly lead: readonly MessagePart[];
  readonly files: readonly FileRow[];
  /** What the model sees of them, beside their names. */
  readonly pictures: PicturesById;
  /** Who reads it: what is bound to another model is left out. */
  readonly modelId: string;
  readonly toolSet: ToolSet;
}

/** The conversation as the model gets it. Derived from what is stored, never stored itself. */
export async function modelMessages(options: HistoryOptions): Promise<ModelMessage[]> {
  const { history, own, lead, modelId, toolSet } = options;
  // The last one, whatever a summary leaves of those before it.
  const ownMessage: SwitchyardMessage = { id: own.id, role: 'assistant', parts: [...own.parts] };
  const since = sinceSummary([...history, ownMessage]);
  const messages: SwitchyardMessage[] = [
    ...since.flatMap((message, index) =>
      message.role === 'assistant'
        ? splitAtCuts(message, { hasEnded: index < since.length - 1 })
        : [withAttachments(message, options)],
    ),
    { id: own.id, role: 'assistant', parts: [...lead] },
  ];
  return await convertToModelMessages(repairHistory(messages, { modelId, ownModelId: own.modelId }), {
    tools: toolSet,
  });
}

function withAttachments(
  message: SwitchyardMessage,
  { files, pictures }: Pick<HistoryOptions, 'files' | 'pictures'>,
): SwitchyardMessage {
  const shown = new Set<string>();
  const parts = message.parts.flatMap((part): MessagePart[] => {
    const text = describeAttachment(part, files);
    if (text === null) return [part];
    const id = attachedFile(part, files)?.id ?? '';
    // A message may name one file by its id and by its address.
    const url = shown.has(id) ? undefined : pictures.get(id);
    shown.add(id);
    const mediaType = url?.slice('data:'.length, url.indexOf(';'));
    const picture: MessagePart[] = url && mediaType ? [{ type: 'file', mediaType, url }] : [];
    // A name may hold line ends, behind which it would read as if the user had written it.
    const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
    return [{ type: 'text', text: line }, ...picture];
  });
  return { ...message, parts };
}

/**
 * A step that called no tool and ended no run was cut by the output limit: the model was asked to go on after it, and
 * reads that again. The same stored parts always give the same messages, in their run as in those that follow, so that
 * a provider's cache outlives the run. The last step of a run that `hasEnded` is its end, cut or not.
 */
function splitAtCuts(
  message: SwitchyardMessage,
  { hasEnded }: { readonly hasEnded: boolean },
): SwitchyardMessage[] {
  const messages: SwitchyardMessage[] = [];
  let pending: MessagePart[] = [];
  const flush = () => {
    if (pending.length > 0) messages.push({ ...message, parts: pending });
    pending = [];
  };
  const steps = stepsOf(message.parts);
  for (const [index, step] of steps.entries()) {
    pending.push(...step);
    if (!isCut(step) || (hasEnded && index === steps.length - 1)) continue;
    flush();
    messages.push({ id: message.id, role: 'user', parts: [{ type: 'text', text: continueText }] });
  }
  flush();
  return messages;
}

/**
 * True for a step that its output limit cut: one that called nothing, was told nothing behind its answer, and yet ended
 * no run.
 */
function isCut(step: readonly MessagePart[]): boolean {
  return !step.some((part) => isSummary(part) || isSaidBehind(part) || isToolPart(part));
}

/** How many of the last steps the output limit cut, one after the other; summaries between them count nothing. */
export function countCuts(parts: readonly MessagePart[]): number {
  const steps = stepsOf(parts).filter((step) => !step.some(isSummary));
  return steps.length - 1 - steps.findLastIndex((step) => !isCut(step));
}
