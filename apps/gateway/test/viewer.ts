import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { FollowedEvent } from '@switchyard/client';
import { type Chunk, formatEventId, type SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';

/** One frame as it came over the wire. */
export interface WireFrame {
  readonly id: string | null;
  readonly data: string;
}

/** One connection to a stream, read frame by frame. */
export interface Connection {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next frame with data, or null at the end; rejects when the connection was cut. */
  next(): Promise<WireFrame | null>;
  /** All text that was read, comments included. */
  readonly text: string;
  /** Takes nothing from the socket any more, so that the gateway's writes pile up. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Opens a connection of its own, on Node's http; with a `body` it is posted as JSON. */
export async function connect(
  url: string,
  {
    token,
    lastEventId,
    body,
  }: { readonly token?: string; readonly lastEventId?: string | null; readonly body?: unknown },
): Promise<Connection> {
  const call = request(url, {
    agent: false,
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  });
  call.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  // What was read, and what has no end of a frame yet: the whole as one text would be searched again for each piece.
  const pieces: string[] = [];
  let rest = '';
  let outcome: 'open' | 'ended' | 'cut' = 'open';
  let wake = Promise.withResolvers<void>();
  const notify = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  // Listened to, not iterated: an iterator drops what came just before a connection was cut.
  response.on('data', (piece: string) => {
    pieces.push(piece);
    rest += piece;
    notify();
  });
  response.on('end', () => {
    outcome = 'ended';
    notify();
  });
  response.on('error', () => {
    outcome = 'cut';
    notify();
  });
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get text() {
      return pieces.join('');
    },
    async next() {
      for (;;) {
        const end = rest.indexOf('\n\n');
        if (end !== -1) {
          const lines = rest.slice(0, end).split('\n');
          rest = rest.slice(end + 2);
          const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
          if (data === undefined) continue;
          return { data, id: lines.find((line) => line.startsWith('id: '))?.slice(4) ?? null };
        }
        if (outcome === 'ended') return null;
        if (outcome === 'cut') throw new Error('The connection was cut.');
        await wake.promise;
      }
    },
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => call.destroy(),
  };
}

/** Everything that a client sees to the end of the run. */
export async function collect(events: AsyncIterable<FollowedEvent>): Promise<FollowedEvent[]> {
  const all: FollowedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What comes of the chunks in the SDK's own reader, of a message that has `begun` or of none; the last `start` counts. */
export async function fold(chunks: readonly Chunk[], begun?: SwitchyardMessage): Promise<SwitchyardMessage> {
  const begin = chunks.findLastIndex((chunk) => chunk.type === 'start');
  const stream = new ReadableStream<Chunk>({
    start(controller) {
      for (const chunk of chunks.slice(begin)) controller.enqueue(chunk);
      controller.close();
    },
  });
  let message: SwitchyardMessage | undefined;
  const reading = { stream, onError: () => undefined, ...(begun ? { message: begun } : {}) };
  for await (const state of readUIMessageStream<SwitchyardMessage>(reading)) {
    message = state;
  }
  if (!message) throw new Error('The chunks make no message.');
  return message;
}

/** The ids of the events that have one. */
export function idsOf(events: readonly FollowedEvent[]): string[] {
  return events.flatMap((event) => (event.epoch === null ? [] : formatEventId(event)));
}

/** `<epoch>-1` … `<epoch>-<last>`. */
export function wholeLog(epoch: number, last: number): string[] {
  return Array.from({ length: last }, (_, index) => `${epoch}-${index + 1}`);
}
