import { type Frame, framesOf } from '../../fleet/frames.ts';
import type { ChatPlace } from './chat-session.ts';
import type { CallApi, RunReader } from './follower-session.ts';

type Access = Pick<ChatPlace, 'gatewayUrl' | 'apiKey'>;

/** What this needs of an EventSource, whoever made it. */
interface Source {
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: string; readonly lastEventId: string }) => void,
  ): void;
  close(): void;
}

export function createCallApi({ gatewayUrl, apiKey }: Access): CallApi {
  return async (path, body) => {
    const response = await fetch(`${gatewayUrl}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return await response.json();
  };
}

async function postChat({ gatewayUrl, apiKey }: Access, body: unknown): Promise<Response> {
  const response = await fetch(`${gatewayUrl}/v1/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`/v1/chat answered ${response.status}: ${await response.text()}`);
  return response;
}

const runIdOf = (response: Response) => response.headers.get('x-run-id') ?? '';

/** Plain fetch: the answer of the POST is the stream, a later one begins behind `Last-Event-ID`. */
export function createFetchReader(access: Access): RunReader {
  return {
    async post(body) {
      const response = await postChat(access, body);
      return { runId: runIdOf(response), frames: framesIn(response) };
    },
    async *follow(runId, after) {
      const response = await fetch(`${access.gatewayUrl}/v1/runs/${runId}/stream?until=wait`, {
        headers: {
          authorization: `Bearer ${access.apiKey}`,
          ...(after === null ? {} : { 'last-event-id': after }),
        },
      });
      yield* framesIn(response);
    },
  };
}

async function* framesIn({ body }: Response): AsyncGenerator<Frame> {
  const reader = body?.getReader();
  if (!reader) return;
  yield* framesOf(
    (async function* () {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    })(),
  );
}

/** Starts the run and leaves its stream to whoever follows it. */
export function createPostAndLeave(access: Access): RunReader['post'] {
  return async (body) => {
    const response = await postChat(access, body);
    await response.body?.cancel();
    return { runId: runIdOf(response) };
  };
}

/** An EventSource, whose url holds a ticket since it can send no header. It reconnects by itself until it is closed. */
export function createEventSourceReader(access: Access, open: (url: string) => Source): RunReader {
  const callApi = createCallApi(access);
  return {
    post: createPostAndLeave(access),
    async *follow(runId, after) {
      const { streamUrl } = (await callApi(`/v1/runs/${runId}/tickets`, {})) as { streamUrl: string };
      const url = new URL(streamUrl);
      url.searchParams.set('until', 'wait');
      if (after !== null) url.searchParams.set('after', after);
      const source = open(url.href);
      const arrived: Frame[] = [];
      let wake = () => {};
      let last: string | null = null;
      source.addEventListener('message', ({ data, lastEventId }) => {
        // A frame without an id repeats the last one's here.
        arrived.push({ id: lastEventId === '' || lastEventId === last ? null : lastEventId, data });
        last = lastEventId;
        wake();
      });
      try {
        // Ends at the gateway's last word, after which an EventSource must be closed.
        for (;;) {
          const frame = arrived.shift();
          if (frame?.data === '[DONE]') return;
          if (frame) yield frame;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        source.close();
      }
    },
  };
}
