import type { Chunk } from '@switchyard/protocol';

/** The events of a run with two steps, as its log holds them: `1-1` … . */
export const runChunks: readonly Chunk[] = [
  { type: 'start', messageId: 'message-1' },
  { type: 'data-run', data: { runId: 'run-1', status: 'running', epoch: 1 }, transient: true },
  { type: 'start-step' },
  { type: 'text-start', id: 't1' },
  { type: 'text-delta', id: 't1', delta: 'Grüße, 世界! 🙂\n' },
  { type: 'text-end', id: 't1' },
  { type: 'tool-input-start', toolCallId: 'c1', toolName: 'shell' },
  { type: 'tool-input-delta', toolCallId: 'c1', inputTextDelta: '{"command":"l' },
  { type: 'tool-input-delta', toolCallId: 'c1', inputTextDelta: 's"}' },
  { type: 'tool-input-available', toolCallId: 'c1', toolName: 'shell', input: { command: 'ls' } },
  { type: 'tool-output-available', toolCallId: 'c1', output: 'a\nb' },
  { type: 'finish-step' },
  { type: 'start-step' },
  { type: 'text-start', id: 't1' },
  { type: 'text-delta', id: 't1', delta: 'Done.' },
  { type: 'text-end', id: 't1' },
  { type: 'finish-step' },
  { type: 'finish', finishReason: 'stop' },
];

export interface FrameOptions {
  readonly lineEnd?: string;
  /** The id of the last event that is left out. */
  readonly after?: string | null;
}

/** The run's stream after a cursor, as the gateway writes it. */
export function framesAfter({ lineEnd = '\n', after = null }: FrameOptions = {}): string {
  const seen = after === null ? 0 : Number(after.split('-')[1]);
  const frames = runChunks
    .slice(seen)
    .map((chunk, index) => frameOf(chunk, `1-${seen + index + 1}`, lineEnd))
    .join('');
  return `: connected${lineEnd}${lineEnd}${frames}data: [DONE]${lineEnd}${lineEnd}`;
}

export function frameOf(chunk: Chunk, id: string | null = null, lineEnd = '\n'): string {
  return `${id === null ? '' : `id: ${id}${lineEnd}`}data: ${JSON.stringify(chunk)}${lineEnd}${lineEnd}`;
}
