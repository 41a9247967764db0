import { connect } from 'node:net';
import { clockUs } from './clock.ts';
import type { StreamRequest } from './request.ts';

/** Some viewers of one stream, each on a connection of its own. */
export interface AttachedViewers {
  /** What each token took from the model's mouth to each viewer, in ms. */
  readonly delays: readonly number[];
  /** Resolves when each has had so many tokens; rejects when one is cut off before, or after `withinMs`. */
  all(tokens: number, withinMs: number): Promise<void>;
  close(): void;
}

/** A token of the model that talks: the time at which it was said. */
const token = /@(\d+)@/g;

/**
 * Attaches viewers and waits until each has been sent the first bytes of a stream. They are bare sockets that look for
 * tokens and nothing else: thousands of clients in one process must not be what is measured.
 */
export async function attachViewers(
  { method, url, headers }: StreamRequest,
  { count, first }: { readonly count: number; readonly first: string },
): Promise<AttachedViewers> {
  const { hostname, port, pathname, host } = new URL(url);
  const lines = [`${method} ${pathname} HTTP/1.1`, `host: ${host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  const delays: number[] = [];
  const sockets = new Set<ReturnType<typeof connect>>();
  const outcome = Promise.withResolvers<void>();
  outcome.promise.catch(() => undefined);
  let wanted = Infinity;
  let satisfied = 0;

  async function attach(): Promise<void> {
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.write(head);
    const attached = Promise.withResolvers<void>();
    let isAttached = false;
    let rest = '';
    let tokens = 0;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const error = new Error(`A viewer was cut off after ${tokens} tokens: ${rest.slice(0, 300)}`);
      attached.reject(error);
      if (tokens < wanted) outcome.reject(error);
    });
    socket.on('data', (data: Buffer) => {
      const now = clockUs();
      const text = rest + data.toString('latin1');
      if (!isAttached) {
        isAttached = text.includes(first);
        rest = isAttached ? '' : text;
        if (isAttached) attached.resolve();
        return;
      }
      let end = 0;
      for (const match of text.matchAll(token)) {
        delays.push((now - Number(match[1])) / 1000);
        tokens += 1;
        if (tokens === wanted) satisfied += 1;
        end = match.index + match[0].length;
      }
      // A token may be cut in two.
      const begun = text.indexOf('@', end);
      rest = begun === -1 ? '' : text.slice(begun);
      if (satisfied === count) outcome.resolve();
    });
    await attached.promise;
  }

  // Some at a time: what is attached to is no listen queue.
  for (let attached = 0; attached < count; attached += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - attached) }, attach));
  }
  return {
    delays,
    async all(tokens, withinMs) {
      wanted = tokens;
      const timer = setTimeout(
        () => outcome.reject(new Error(`${count - satisfied} viewers lack tokens after ${withinMs} ms.`)),
        withinMs,
      );
      await outcome.promise.finally(() => clearTimeout(timer));
    },
    close() {
      wanted = 0;
      for (const socket of sockets) socket.destroy();
    },
  };
}
