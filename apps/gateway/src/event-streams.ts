import type { ServerResponse } from 'node:http';
import { EventStream } from './event-stream.ts';
import { limits } from './limits.ts';
import { commentFrame } from './sse.ts';

/** All streams of the process. */
export interface EventStreams {
  readonly count: number;
  /** What waits in memory for all viewers together. */
  readonly bufferedBytes: number;
  /** Opens one: status 200, the headers and a first comment leave at once. */
  open(response: ServerResponse, headers: Iterable<readonly [string, string]>): EventStream;
  /** Hands a stream's work to the process: `drain` waits for it. */
  track(work: Promise<void>): void;
  /** Cuts every stream, now and from now on, and waits until their work is over. */
  drain(): Promise<void>;
}

/** Makes the registry; one timer sends the comments of all streams. */
export function createEventStreams(): EventStreams {
  const open = new Set<EventStream>();
  const works = new Set<Promise<void>>();
  const forget = (stream: EventStream): void => void open.delete(stream);
  let isDraining = false;
  const comments = setInterval(() => {
    for (const stream of open) stream.write(commentFrame);
  }, limits.stream.commentMs);
  comments.unref();

  return {
    get count() {
      return open.size;
    },
    get bufferedBytes() {
      let sum = 0;
      for (const stream of open) sum += stream.bufferedBytes;
      return sum;
    },
    open(response, headers) {
      const stream = new EventStream(response, headers, forget);
      // One who left while he was checked has had his 'close' already.
      if (!stream.isClosed) open.add(stream);
      if (isDraining) stream.cut();
      return stream;
    },
    track(work) {
      works.add(work);
      void work.finally(() => works.delete(work));
    },
    async drain() {
      isDraining = true;
      clearInterval(comments);
      for (const stream of open) stream.cut();
      await Promise.allSettled(works);
    },
  };
}
