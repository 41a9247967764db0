import type { ServerResponse } from 'node:http';
import { limits } from './limits.ts';
import { commentFrame, doneFrame, retryFrame } from './sse.ts';

/** Some frames for many viewers, made once for all of them. */
export interface SharedFrames {
  readonly bytes: Buffer;
  /** The same as one chunk of HTTP's chunked coding. */
  readonly chunk: Buffer;
}

/** Makes both forms of some frames; they share their memory. */
export function shareFrames(frames: readonly Uint8Array[]): SharedFrames {
  const length = frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const head = Buffer.from(`${length.toString(16)}\r\n`);
  const chunk = Buffer.concat([head, ...frames, Buffer.from('\r\n')]);
  return { chunk, bytes: chunk.subarray(head.length, head.length + length) };
}

/**
 * One viewer's connection, written raw: frames are encoded once and shared by all viewers. A class, since thousands of
 * them live at a time and closures would double what each costs.
 */
export class EventStream {
  readonly #response: ServerResponse;
  /** Called once, when the connection is gone, whoever closed it. Must not throw. */
  onClose: (() => void) | null = null;

  /**
   * Sends status 200, the headers and a first comment. Takes the response over: nobody else but `forget` is told when the
   * connection is gone.
   */
  constructor(
    response: ServerResponse,
    headers: Iterable<readonly [string, string]>,
    forget: (stream: EventStream) => void,
  ) {
    this.#response = response;
    // Whoever handled the request until now would keep all of it in memory for as long as the stream is open.
    response.removeAllListeners('close');
    response.on('close', () => {
      forget(this);
      this.onClose?.();
    });
    // A connection that breaks is told by 'close'; the error itself says nothing more.
    response.on('error', ignore);
    // Given at once as a list, headers are not kept apart from the head that is made of them.
    response.writeHead(200, [...new Map(headers)].flat());
    // Flushed apart, though in one packet: together with the comment Node would keep the head as a rope of 47 strings.
    response.cork();
    response.flushHeaders();
    this.write(commentFrame);
    response.uncork();
  }

  get isClosed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  /** False when more than `limits.stream.viewerBufferBytes` now wait for this viewer: write no more before `drained`. */
  write(bytes: string | Uint8Array): boolean {
    if (this.isClosed) return true;
    this.#response.write(bytes);
    return this.#response.writableLength <= limits.stream.viewerBufferBytes;
  }

  /**
   * As `write`, for what many viewers are sent at once. The chunk goes to the connection as it is: Node would make its
   * head anew for each viewer and hand it over in four pieces, which takes half as long again.
   */
  writeShared({ bytes, chunk }: SharedFrames): boolean {
    if (this.isClosed) return true;
    const response = this.#response;
    const { socket } = response;
    // HTTP/1.0 has no chunks, and a response that waits behind another one has no connection yet. What was just written
    // is still with the response, and must go first.
    const isNext = response.chunkedEncoding && socket && socket.writableLength === response.writableLength;
    if (!isNext) return this.write(bytes);
    socket.write(chunk);
    return socket.writableLength <= limits.stream.viewerBufferBytes;
  }

  /** Resolves when nothing waits any more, or the connection is gone; cuts a viewer who takes nothing for too long. */
  drained(): Promise<void> {
    const response = this.#response;
    const { socket } = response;
    if (response.destroyed || !(response.writableNeedDrain || socket?.writableNeedDrain)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = cutWhenStalled(response);
      const settle = () => {
        clearInterval(timer);
        response.off('drain', settle).off('close', settle);
        socket?.off('drain', settle);
        resolve();
      };
      response.on('drain', settle).on('close', settle);
      // The response knows nothing of what was handed to the connection.
      socket?.on('drain', settle);
    });
  }

  /** The clean end, `[DONE]`: only for a run that has ended. A viewer who does not take it is cut in the end. */
  end(): void {
    const response = this.#response;
    if (response.destroyed) return;
    response.end(doneFrame);
    const timer = cutWhenStalled(response);
    response.once('close', () => clearInterval(timer));
  }

  /** Cuts the connection, so that no client takes it for the end; `retry:` tells EventSource when to come back. */
  cut(): void {
    const response = this.#response;
    if (this.isClosed) return;
    const { retryMs } = limits.stream;
    // Destroyed in the write's callback, so that `retry:` still leaves; a viewer who takes nothing is not waited for.
    const timer = setTimeout(() => response.destroy(), retryMs);
    response.write(retryFrame(retryMs / 2 + (Math.random() * retryMs) / 2), () => {
      clearTimeout(timer);
      response.destroy();
    });
  }
}

/** Cuts a viewer who takes nothing of what waits for him, until the timer is cleared. */
function cutWhenStalled(response: ServerResponse): NodeJS.Timeout {
  let waiting = response.writableLength;
  return setInterval(() => {
    if (response.writableLength >= waiting) response.destroy();
    waiting = response.writableLength;
  }, limits.stream.stalledViewerMs);
}

function ignore(): void {}
