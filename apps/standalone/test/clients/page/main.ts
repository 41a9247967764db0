import type { ChatPlace, ChatSession, PageClients } from '../chat-session.ts';
import { openFollower } from '../follower-session.ts';
import { createCallApi, createEventSourceReader, createFetchReader } from '../web-readers.ts';
import { openAssistantUi } from './assistant-ui.tsx';
import { openUseChat } from './use-chat.tsx';

const openers: Readonly<Record<string, (place: ChatPlace) => Promise<ChatSession>>> = {
  'use-chat': openUseChat,
  'assistant-ui': openAssistantUi,
  fetch: (place) => openFollower(place, { reader: createFetchReader(place), callApi: createCallApi(place) }),
  'event-source': (place) =>
    openFollower(place, {
      reader: createEventSourceReader(place, (url) => new EventSource(url)),
      callApi: createCallApi(place),
    }),
};

const sessions: ChatSession[] = [];

/** What a test calls from outside. Functions cannot travel: a session is a number here, and all else is JSON. */
const clients: PageClients = {
  async open(kind, place) {
    const open = openers[kind];
    if (!open) throw new Error(`There is no client ${kind}.`);
    return sessions.push(await open(JSON.parse(place) as ChatPlace)) - 1;
  },
  async call(session, method, parameters) {
    const chat = sessions[session];
    if (!chat) throw new Error('There is no such session.');
    const act = chat[method] as (...given: readonly unknown[]) => Promise<unknown>;
    return JSON.stringify((await act(...(JSON.parse(parameters) as unknown[]))) ?? null);
  },
};
Object.assign(globalThis, { clients });
