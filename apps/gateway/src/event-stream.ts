import type { ServerResponse } from 'node:http';
import { limits } from './limits.ts';
import { commentFrame, doneFrame, retryFrame } from './sse.ts';

/**
 * One viewer's connection, written raw: frames are encoded once and shared by all viewers. A class, since thousands of
 * them live at a time and closures would double what each costs.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #controller = new AbortController();

  /** Sends status 200, the headers and a first comment. */
  constructor(response: ServerResponse, headers: Iterable<readonly [string, string]>) {
    this.#response = response;
    if (response.destroyed) this.#controller.abort();
    response.once('close', () => this.#controller.abort());
    // A connection that breaks is told by 'close'; the error itself says nothing more.
    response.on('error', ignore);
    for (const [name, value] of headers) response.setHeader(name, value);
    response.statusCode = 200;
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

  /** Aborted when the connection is gone, whoever closed it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** False when more than `limits.stream.viewerBufferBytes` now wait for this viewer: write no more before `drained`. */
  write(bytes: string | Uint8Array): boolean {
    if (this.isClosed) return true;
    this.#response.write(bytes);
    return this.#response.writableLength <= limits.stream.viewerBufferBytes;
  }

  /** Resolves when nothing waits any more, or the connection is gone; cuts a viewer who takes nothing for too long. */
  drained(): Promise<void> {
    const response = this.#response;
    if (response.destroyed || !response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      let waiting = response.writableLength;
      const timer = setInterval(() => {
        if (response.writableLength >= waiting) response.destroy();
        waiting = response.writableLength;
      }, limits.stream.stalledViewerMs);
      const settle = () => {
        clearInterval(timer);
        response.off('drain', settle).off('close', settle);
        resolve();
      };
      response.on('drain', settle).on('close', settle);
    });
  }

  /** The clean end, `[DONE]`: only for a run that has ended. */
  end(): void {
    if (!this.#response.destroyed) this.#response.end(doneFrame);
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

function ignore(): void {}
