import type { Chunk, MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';

/**
 * The parts that a viewer has after these chunks, as they look after a trip through JSON. A fresh reader for each step:
 * the SDK's reader copies the whole message at each chunk, so a reader over the whole run would be quadratic.
 * @throws when the chunks contradict each other (a delta without its start)
 */
export async function foldChunks(chunks: readonly Chunk[]): Promise<MessagePart[]> {
  let message: SwitchyardMessage | undefined;
  // `start-step` alone makes the reader show nothing; the empty metadata makes it show its last state in any case.
  const stream = ReadableStream.from([...chunks, { type: 'message-metadata', messageMetadata: {} } as Chunk]);
  for await (const state of readUIMessageStream<SwitchyardMessage>({ stream, terminateOnError: true })) {
    message = state;
  }
  return JSON.parse(JSON.stringify(message?.parts ?? [])) as MessagePart[];
}
