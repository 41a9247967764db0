import { createClient, SwitchyardChatTransport } from '@switchyard/client';
import { formatEventId } from '@switchyard/protocol';
import { EventSource } from 'eventsource';
import type { Frame } from '../../fleet/frames.ts';
import type { ChatClient, ChatPlace } from './chat-session.ts';
import { createCurlReader } from './curl-reader.ts';
import { openFollower, type RunReader } from './follower-session.ts';
import { openSdkChat } from './sdk-session.ts';
import { createCallApi, createEventSourceReader, createPostAndLeave } from './web-readers.ts';

/** The clients that need no browser. */
export const nodeClients: readonly ChatClient[] = [
  {
    name: '`DefaultChatTransport` of `ai` 7, with its chat class',
    rejoinCall: '`resumeStream()`',
    open: async (place) => openSdkChat(place),
  },
  {
    name: '`SwitchyardChatTransport` of `packages/client`, in its place',
    rejoinCall: '`resumeStream()`',
    open: async (place) =>
      openSdkChat(place, new SwitchyardChatTransport({ url: place.gatewayUrl, token: place.apiKey })),
  },
  {
    name: '`followRun` of `packages/client`',
    rejoinCall: '`followRun(runId, { after })`',
    open: (place) =>
      openFollower(place, { reader: createClientReader(place), callApi: createCallApi(place) }),
  },
  {
    name: '`eventsource` of npm, with a ticket',
    rejoinCall: 'a new one with `?after=`',
    open: (place) =>
      openFollower(place, {
        reader: createEventSourceReader(place, (url) => new EventSource(url)),
        callApi: createCallApi(place),
      }),
  },
  {
    name: '`curl`',
    rejoinCall: '`curl -H "Last-Event-ID: …"`',
    open: (place) => openFollower(place, { reader: createCurlReader(place), callApi: createCallApi(place) }),
  },
];

function createClientReader({ gatewayUrl, apiKey }: ChatPlace): RunReader {
  const client = createClient({ url: gatewayUrl, token: apiKey });
  return {
    post: createPostAndLeave({ gatewayUrl, apiKey }),
    async *follow(runId, after): AsyncGenerator<Frame> {
      for await (const event of client.followRun(runId, after === null ? {} : { after })) {
        const { chunk } = event;
        yield { id: event.epoch === null ? null : formatEventId(event), data: JSON.stringify(chunk) };
        if (chunk.type === 'data-run' && chunk.data.status === 'awaiting-approval') return;
      }
    },
  };
}
