import { createEventStreamParser } from '@switchyard/client';
import { type Chunk, parseEventId, type SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';

/** One frame of a stream as it came over the wire. */
export interface Frame {
  readonly id: string | null;
  readonly data: string;
}

/** The frames of a stream as they come; it throws what the stream throws. */
export async function* framesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  const parser = createEventStreamParser();
  for await (const bytes of body) yield* parser.push(decoder.decode(bytes, { stream: true }));
}

/** The ordinals of all frames that carry an id. */
export function ordinalsOf(frames: readonly Frame[]): number[] {
  return frames.flatMap(({ id }) => {
    const position = id === null ? null : parseEventId(id);
    return position ? [position.ordinal] : [];
  });
}

/** True for the frame with which a message begins, or begins anew. */
export function isStart({ data }: Frame): boolean {
  return data.startsWith('{"type":"start"');
}

/** What the SDK's own reader makes of the frames, as JSON: the message that a front end ends with. */
export async function foldFrames(frames: readonly Frame[]): Promise<unknown> {
  const chunks = frames.map(({ data }) => JSON.parse(data) as Chunk);
  const stream = new ReadableStream<Chunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  let message: SwitchyardMessage | undefined;
  for await (const state of readUIMessageStream<SwitchyardMessage>({ stream, onError: () => undefined })) {
    message = state;
  }
  return JSON.parse(JSON.stringify(message ?? null));
}
