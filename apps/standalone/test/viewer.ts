import { type Frame, framesOf } from '../fleet/frames.ts';

export interface View {
  readonly status: number;
  readonly frames: readonly Frame[];
  /** True when the gateway said `[DONE]`: anything else is a stream that was cut. */
  readonly isDone: boolean;
}

interface ViewOptions {
  readonly url: string;
  readonly token: string;
  readonly lastEventId?: string;
  /** Cut the connection after this many frames with an id. */
  readonly maxEvents?: number;
  readonly signal?: AbortSignal;
}

/** Reads a run's stream by plain fetch, as a client that nobody here wrote would. */
export async function view({ url, token, lastEventId, maxEvents, signal }: ViewOptions): Promise<View> {
  const cut = new AbortController();
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: AbortSignal.any([cut.signal, AbortSignal.timeout(90_000), ...(signal ? [signal] : [])]),
  });
  if (response.status !== 200 || !response.body)
    return { status: response.status, frames: [], isDone: false };
  const frames: Frame[] = [];
  let isDone = false;
  try {
    for await (const frame of framesOf(response.body)) {
      if (frame.data === '[DONE]') isDone = true;
      else frames.push(frame);
      if (maxEvents !== undefined && frames.filter(({ id }) => id !== null).length >= maxEvents) break;
    }
  } finally {
    cut.abort();
  }
  return { status: 200, frames, isDone };
}

/**
 * Follows a run to its end, as a client that nobody here wrote would: it drops the connection after so many events
 * (default 1), and asks again behind the last of them whenever it is cut off or not let in.
 */
export async function viewReconnecting(options: {
  readonly url: string;
  readonly token: string;
  readonly eventsAtOnce?: number;
}): Promise<readonly Frame[]> {
  const { url, token, eventsAtOnce = 1 } = options;
  const frames: Frame[] = [];
  const deadline = AbortSignal.timeout(90_000);
  for (;;) {
    const lastEventId = frames.at(-1)?.id;
    const cut = new AbortController();
    let events = 0;
    try {
      const response = await fetch(url, {
        headers: {
          authorization: `Bearer ${token}`,
          ...(typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {}),
        },
        signal: AbortSignal.any([cut.signal, deadline]),
      });
      if (response.status === 204) return frames;
      if (response.status === 503) continue;
      if (!response.body || !response.ok) throw new Error(`The stream answered ${response.status}.`);
      for await (const frame of framesOf(response.body)) {
        if (frame.data === '[DONE]') return frames;
        if (frame.id === null) continue;
        frames.push(frame);
        events += 1;
        if (events === eventsAtOnce) break;
      }
    } catch (error) {
      // A connection that was refused or cut; anything else is a fault of the test.
      if (!(error instanceof TypeError)) throw error;
    } finally {
      cut.abort();
    }
  }
}
