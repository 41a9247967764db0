import type { LoggedEvent } from '@switchyard/bus';
import { type Chunk, formatEventId } from '@switchyard/protocol';

/** Headers of the AI SDK's UI message stream, version 1, and what keeps proxies from holding it back. */
export const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-vercel-ai-ui-message-stream': 'v1',
} as const;

/** A line that clients ignore: it opens the stream and keeps proxies from thinking it dead. */
export const commentFrame = ':\n\n';

/** What the SDK's clients take as the end; never in the log. */
export const doneFrame = 'data: [DONE]\n\n';

/** One entry of the log as one frame, in the very bytes of its JSON. */
export function frameOfEvent(event: LoggedEvent): string {
  return `id: ${formatEventId(event)}\ndata: ${event.json}\n\n`;
}

/**
 * A chunk that is not in the log. With an id only when everything before it is then known, so that it may be a cursor. With
 * a `start` all that the client has counts no more, so an empty id takes its cursor back (WHATWG HTML, 9.2.6): an EventSource
 * that is cut off before the next one would go on behind what it had before, in the middle of the new message.
 */
export function frameOfChunk(chunk: Chunk, id: string | null = null): string {
  const data = `data: ${JSON.stringify(chunk)}\n\n`;
  if (id !== null) return `id: ${id}\n${data}`;
  return chunk.type === 'start' ? `id:\n${data}` : data;
}

/** How long a client should wait before it connects again. */
export function retryFrame(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

/** True for the chunk that ends a run's stream: one of these is always its last. */
export function isTerminal(chunk: Chunk): boolean {
  return chunk.type === 'finish' || chunk.type === 'abort' || chunk.type === 'error';
}

/** True for the event under which a run waits for a person. */
export function isWait(chunk: Chunk): boolean {
  return chunk.type === 'data-run' && chunk.data.status === 'awaiting-approval';
}
