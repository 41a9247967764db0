import { EventSource } from 'eventsource';
import type { Frame } from '../fleet/frames.ts';

/** What an EventSource of npm got: `errors` are the statuses, where it was told one. */
interface EventSourceView {
  readonly frames: readonly Frame[];
  readonly errors: readonly (number | undefined)[];
  /** Resolves when it stops by itself. */
  readonly closed: Promise<void>;
}

/** Opens npm's EventSource, as it is. The specification's EventSource repeats the last id on frames without one. */
export function watchEventSource(streamUrl: string): EventSourceView {
  const source = new EventSource(streamUrl);
  const frames: Frame[] = [];
  const errors: (number | undefined)[] = [];
  const closed = Promise.withResolvers<void>();
  source.addEventListener('message', ({ data, lastEventId }) => {
    const isNew = lastEventId !== frames.findLast(({ id }) => id !== null)?.id;
    if (data !== '[DONE]') frames.push({ id: isNew && lastEventId !== '' ? lastEventId : null, data });
  });
  source.addEventListener('error', ({ code }) => {
    errors.push(code);
    if (source.readyState === EventSource.CLOSED) closed.resolve();
  });
  return { frames, errors, closed: closed.promise };
}
