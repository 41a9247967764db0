import type { Chunk, MessageMetadata, SwitchyardMessage } from '@switchyard/protocol';
import { applyToolChunk } from './apply-tool-chunk.ts';
import { closeDraft, currentStepOf, type Draft, newDraft, openDraft } from './draft.ts';
import { mergeMetadata } from './merge-metadata.ts';

/**
 * The message after one more chunk, as the AI SDK's own reader would have it; without a message one is begun. Start with
 * `undefined`, or with an assistant message that a stream continues, and give each result to the next call.
 *
 * Nothing is changed in place and nothing is cloned: the result is a new message with a new list of parts, a part that
 * the chunk changes is a new object, every other part is the same object as before. So an earlier result stays what it
 * was, and what was not replaced need not be drawn again. What a chunk carries (inputs, outputs, data) is shared with
 * the message. The input of a call that is still streaming is parsed when it is first read.
 *
 * A `start` begins the message anew only when it names another id. A run's stream that has to replay sends `start`
 * with the same id: whoever reads one himself begins with `undefined` there (`followMessage` does).
 *
 * @throws Error when the chunk contradicts what came before it (a delta without its start).
 */
export function applyChunk(message: SwitchyardMessage | undefined, chunk: Chunk): SwitchyardMessage {
  return applyChunks(message, [chunk]);
}

/** The message after all these chunks. The list of parts is copied once, not once a chunk. */
export function applyChunks(
  message: SwitchyardMessage | undefined,
  chunks: readonly Chunk[],
): SwitchyardMessage {
  let draft = openDraft(message);
  for (const chunk of chunks) {
    if (chunk.type === 'start' && chunk.messageId !== undefined && chunk.messageId !== draft.message.id) {
      draft = newDraft(chunk.messageId);
    }
    applyTo(draft, chunk);
  }
  return closeDraft(draft);
}

function applyTo(draft: Draft, chunk: Chunk): void {
  const { parts } = draft;
  switch (chunk.type) {
    case 'text-start':
      draft.texts = new Map(draft.texts).set(chunk.id, parts.length);
      parts.push({ type: 'text', text: '', ...providerOf(chunk), state: 'streaming' });
      break;
    case 'text-delta':
    case 'text-end': {
      const place = placeOf(draft.texts, chunk);
      const part = parts[place];
      if (part?.type !== 'text') break;
      const written = { ...part, ...providerOf(chunk) };
      if (chunk.type === 'text-delta') {
        parts[place] = { ...written, text: part.text + chunk.delta };
        break;
      }
      parts[place] = {
        ...written,
        state: 'done',
        ...(chunk.citations == null ? {} : { citations: chunk.citations }),
      };
      draft.texts = without(draft.texts, chunk.id);
      break;
    }
    case 'reasoning-start':
      draft.reasonings = new Map(draft.reasonings).set(chunk.id, parts.length);
      parts.push({ type: 'reasoning', id: chunk.id, text: '', ...providerOf(chunk), state: 'streaming' });
      break;
    case 'reasoning-delta':
    case 'reasoning-end': {
      const place = placeOf(draft.reasonings, chunk);
      const part = parts[place];
      if (part?.type !== 'reasoning') break;
      const written = { ...part, ...providerOf(chunk) };
      if (chunk.type === 'reasoning-delta') {
        parts[place] = { ...written, text: part.text + chunk.delta };
        break;
      }
      parts[place] = { ...written, state: 'done' };
      draft.reasonings = without(draft.reasonings, chunk.id);
      break;
    }
    case 'file':
    case 'reasoning-file':
      parts.push({ type: chunk.type, mediaType: chunk.mediaType, url: chunk.url, ...providerOf(chunk) });
      break;
    case 'custom':
      parts.push({ type: 'custom', kind: chunk.kind, ...providerOf(chunk) });
      break;
    case 'source-url': {
      const { type, sourceId, url, title } = chunk;
      parts.push({ type, sourceId, url, ...(title === undefined ? {} : { title }), ...providerOf(chunk) });
      break;
    }
    case 'source-document': {
      const { type, sourceId, mediaType, title, filename } = chunk;
      const name = filename === undefined ? {} : { filename };
      parts.push({ type, sourceId, mediaType, title, ...name, ...providerOf(chunk) });
      break;
    }
    case 'tool-input-start':
    case 'tool-input-delta':
    case 'tool-input-available':
    case 'tool-input-error':
    case 'tool-approval-request':
    case 'tool-approval-response':
    case 'tool-output-available':
    case 'tool-output-error':
    case 'tool-output-denied':
      applyToolChunk(draft, chunk);
      break;
    case 'steering-message':
      parts.push({ type: 'steering-message', id: chunk.id, parts: chunk.parts });
      break;
    case 'start-step':
      parts.push({ type: 'step-start' });
      break;
    case 'reset-step':
      parts.length = currentStepOf(draft);
      draft.texts = new Map();
      draft.reasonings = new Map();
      break;
    case 'start':
      if (chunk.messageId !== undefined) draft.message = { ...draft.message, id: chunk.messageId };
      addMetadata(draft, chunk.messageMetadata);
      break;
    case 'finish':
    case 'message-metadata':
      addMetadata(draft, chunk.messageMetadata);
      break;
    case 'finish-step':
    case 'abort':
    case 'error':
      break;
    default:
      // Other kinds come from a newer server: what they mean is not known here.
      if (chunk.type.startsWith('data-')) applyDataChunk(draft, chunk);
  }
}

type DataChunk = Extract<Chunk, { type: `data-${string}` }>;

function applyDataChunk({ parts }: Draft, chunk: DataChunk): void {
  if (chunk.transient) return;
  const place =
    chunk.id == null
      ? -1
      : parts.findIndex((part) => part.type === chunk.type && 'id' in part && part.id === chunk.id);
  const part = parts[place];
  if (part && 'data' in part) parts[place] = { ...part, data: chunk.data } as DataChunk;
  else parts.push({ ...chunk });
}

function addMetadata(draft: Draft, metadata: MessageMetadata | undefined): void {
  if (metadata == null) return;
  const before = draft.message.metadata;
  draft.message = {
    ...draft.message,
    metadata: before == null ? metadata : mergeMetadata(before, metadata),
  };
}

function placeOf(open: ReadonlyMap<string, number>, chunk: { type: string; id: string }): number {
  const place = open.get(chunk.id);
  if (place === undefined) throw new Error(`${chunk.type} names "${chunk.id}", which was not started.`);
  return place;
}

function without(open: ReadonlyMap<string, number>, id: string): ReadonlyMap<string, number> {
  const rest = new Map(open);
  rest.delete(id);
  return rest;
}

function providerOf<Metadata>(chunk: { readonly providerMetadata?: Metadata }): {
  providerMetadata?: Metadata;
} {
  return chunk.providerMetadata == null ? {} : { providerMetadata: chunk.providerMetadata };
}
