import type { SwitchyardMessage } from '@switchyard/protocol';
import { applyChunks } from './apply-chunk.ts';
import { type FollowOptions, followStream, type OpenStream } from './follow-stream.ts';
import type { FollowedEvent } from './stream-place.ts';

/** The run's events one by one, as `followStream` brings them. */
export async function* followRun(
  openStream: OpenStream,
  options: FollowOptions,
): AsyncGenerator<FollowedEvent, void, void> {
  for await (const { events } of followStream(openStream, options)) yield* events;
}

/**
 * The answer as it grows: one message for all events that arrived together. Each is a new object that stays as it is;
 * parts that did not change are the same objects as before.
 */
export async function* followMessage(
  openStream: OpenStream,
  options: Omit<FollowOptions, 'after'>,
): AsyncGenerator<SwitchyardMessage, void, void> {
  let message: SwitchyardMessage | undefined;
  for await (const { events } of followStream(openStream, options)) {
    const chunks = events.map(({ chunk }) => chunk);
    if (chunks.every((chunk) => 'transient' in chunk && chunk.transient)) continue;
    const start = chunks.findLastIndex(({ type }) => type === 'start');
    message = applyChunks(start === -1 ? message : undefined, chunks.slice(Math.max(start, 0)));
    yield message;
  }
}
