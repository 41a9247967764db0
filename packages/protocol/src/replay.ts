import type { Run } from './run.ts';
import {
  type Chunk,
  isToolPart,
  type MessagePart,
  metadataOfRun,
  type ToolPart,
  toolNameOf,
} from './message.ts';

/**
 * The chunks whose fold is exactly these parts: what a late viewer, or a step taken over by another worker, is sent.
 * Each `step-start` part becomes `start-step`, and `finish-step` closes the step before it; the last step is closed
 * only with `closeLastStep`. With `reopened` the first `start-step` is left out (a `reset-step` kept its mark).
 */
export function chunksOfParts(
  parts: readonly MessagePart[],
  options: { readonly closeLastStep: boolean; readonly reopened?: boolean },
): Chunk[] {
  const chunks: Chunk[] = [];
  let steps = 0;
  parts.forEach((part, index) => {
    if (part.type === 'step-start') {
      if (steps > 0) chunks.push({ type: 'finish-step' });
      if (steps > 0 || !options.reopened) chunks.push({ type: 'start-step' });
      steps += 1;
      return;
    }
    chunks.push(...chunksOfPart(part, String(index)));
  });
  if (steps > 0 && options.closeLastStep) chunks.push({ type: 'finish-step' });
  return chunks;
}

function chunksOfPart(part: MessagePart, id: string): Chunk[] {
  switch (part.type) {
    case 'text':
      return [
        { type: 'text-start', id: `text-${id}`, ...provider(part.providerMetadata) },
        ...(part.text === '' ? [] : [{ type: 'text-delta', id: `text-${id}`, delta: part.text } as const]),
        ...(part.state === 'streaming' ? [] : [{ type: 'text-end', id: `text-${id}` } as const]),
      ];
    case 'reasoning': {
      const reasoningId = part.id ?? `reasoning-${id}`;
      return [
        { type: 'reasoning-start', id: reasoningId, ...provider(part.providerMetadata) },
        ...(part.text === ''
          ? []
          : [{ type: 'reasoning-delta', id: reasoningId, delta: part.text } as const]),
        ...(part.state === 'streaming' ? [] : [{ type: 'reasoning-end', id: reasoningId } as const]),
      ];
    }
    case 'file':
      return [{ type: 'file', url: part.url, mediaType: part.mediaType, ...provider(part.providerMetadata) }];
    default:
      if (isToolPart(part)) return chunksOfToolPart(part);
      if (part.type.startsWith('data-')) return [part as Chunk];
      return [];
  }
}

function chunksOfToolPart(part: ToolPart): Chunk[] {
  const call = {
    toolCallId: part.toolCallId,
    ...(part.type === 'dynamic-tool' ? { dynamic: true } : {}),
  };
  const named = { ...call, toolName: toolNameOf(part), ...provider(part.callProviderMetadata) };
  if (part.state === 'input-streaming') return [{ type: 'tool-input-start', ...named }];
  const chunks: Chunk[] = [{ type: 'tool-input-available', ...named, input: part.input }];
  const { approval } = part;
  if (approval) {
    const { id: approvalId, requestReason: reason } = approval;
    chunks.push({
      type: 'tool-approval-request',
      approvalId,
      toolCallId: part.toolCallId,
      ...(reason === undefined ? {} : { reason }),
    });
  }
  if (approval?.approved !== undefined) {
    const { id: approvalId, approved, reason } = approval;
    chunks.push({
      type: 'tool-approval-response',
      approvalId,
      approved,
      ...(reason === undefined ? {} : { reason }),
    });
  }
  switch (part.state) {
    case 'output-available':
      chunks.push({ type: 'tool-output-available', ...call, output: part.output });
      break;
    case 'output-error':
      chunks.push({ type: 'tool-output-error', ...call, errorText: part.errorText });
      break;
    case 'output-denied':
      chunks.push({ type: 'tool-output-denied', toolCallId: part.toolCallId });
      break;
    case 'input-available':
    case 'approval-requested':
    case 'approval-responded':
      break;
  }
  return chunks;
}

function provider<Metadata>(metadata: Metadata | undefined): { providerMetadata?: Metadata } {
  return metadata === undefined ? {} : { providerMetadata: metadata };
}

/**
 * The last two chunks of every ended run: its metadata, then `finish`, `abort` or `error`. A pure function of the
 * ended run, always two, so that the id of the last event is known before the ending is decided.
 */
export function endingChunks(run: Run): readonly [Chunk, Chunk] {
  return [{ type: 'message-metadata', messageMetadata: metadataOfRun(run) }, terminalChunk(run)];
}

function terminalChunk(run: Run): Chunk {
  switch (run.status) {
    case 'completed':
      return { type: 'finish', finishReason: 'stop' };
    case 'cancelled':
      return { type: 'abort', reason: 'cancelled' };
    default:
      return { type: 'error', errorText: run.error?.detail ?? 'The run failed.' };
  }
}
