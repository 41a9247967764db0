import type { ServerResponse } from 'node:http';
import { limits } from './limits.ts';
import { commentFrame, doneFrame, retryFrame } from './sse.ts';

/** One viewer's connection, written raw: frames are encoded once and shared by all viewers. */
export interface EventStream {
  readonly isClosed: boolean;
  readonly bufferedBytes: number;
  /** Aborted when the connection is gone, whoever closed it. */
  readonly signal: AbortSignal;
  /** False when more than `limits.stream.viewerBufferBytes` now wait for this viewer: write no more before `drained`. */
  write(bytes: string | Uint8Array): boolean;
  /** Resolves when nothing waits any more, or the connection is gone; cuts a viewer who takes nothing for too long. */
  drained(): Promise<void>;
  /** The clean end, `[DONE]`: only for a run that has ended. */
  end(): void;
  /** Cuts the connection, so that no client takes it for the end; `retry:` tells EventSource when to come back. */
  cut(): void;
}

/** All streams of the process. */
export interface EventStreams {
  readonly count: number;
  /** What waits in memory for all viewers together. */
  readonly bufferedBytes: number;
  /** Sends status 200, the headers and a first comment. */
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
      const stream = createEventStream(response);
      for (const [name, value] of headers) response.setHeader(name, value);
      response.statusCode = 200;
      // One who left while he was checked has had his 'close' already.
      if (!stream.isClosed) {
        open.add(stream);
        response.once('close', () => open.delete(stream));
      }
      stream.write(commentFrame);
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

function createEventStream(response: ServerResponse): EventStream {
  const { viewerBufferBytes, stalledViewerMs, retryMs } = limits.stream;
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  response.once('close', () => controller.abort());
  // A connection that breaks is told by 'close'; the error itself says nothing more.
  response.on('error', () => undefined);

  return {
    get isClosed() {
      return response.destroyed || response.writableEnded;
    },
    get bufferedBytes() {
      return response.writableLength;
    },
    signal: controller.signal,
    write(bytes) {
      if (response.destroyed || response.writableEnded) return true;
      response.write(bytes);
      return response.writableLength <= viewerBufferBytes;
    },
    drained() {
      if (response.destroyed || !response.writableNeedDrain) return Promise.resolve();
      return new Promise((resolve) => {
        let waiting = response.writableLength;
        const timer = setInterval(() => {
          if (response.writableLength === waiting) response.destroy();
          waiting = response.writableLength;
        }, stalledViewerMs);
        const settle = () => {
          clearInterval(timer);
          response.off('drain', settle).off('close', settle);
          resolve();
        };
        response.on('drain', settle).on('close', settle);
      });
    },
    end() {
      if (!response.destroyed) response.end(doneFrame);
    },
    cut() {
      if (response.destroyed) return;
      // Destroyed in the write's callback, so that `retry:` still leaves; a viewer who takes nothing is not waited for.
      const timer = setTimeout(() => response.destroy(), retryMs);
      response.write(retryFrame(retryMs / 2 + (Math.random() * retryMs) / 2), () => {
        clearTimeout(timer);
        response.destroy();
      });
    },
  };
}
