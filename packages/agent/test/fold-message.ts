import type { Chunk, SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';

/** What the SDK's reader makes of a whole stream, as JSON has it; a broken stream throws. */
export async function foldMessage(chunks: readonly Chunk[]): Promise<SwitchyardMessage> {
  let message: SwitchyardMessage | undefined;
  const faults: unknown[] = [];
  const stream = ReadableStream.from([...chunks]);
  const states = readUIMessageStream<SwitchyardMessage>({
    stream,
    onError: (error) => void faults.push(error),
  });
  for await (const state of states) message = state;
  // The stream's own `error` chunk is told in the same way; it comes last.
  const isFailed = chunks.at(-1)?.type === 'error';
  if (faults.length > (isFailed ? 1 : 0)) throw faults[0];
  return JSON.parse(JSON.stringify(message)) as SwitchyardMessage;
}
