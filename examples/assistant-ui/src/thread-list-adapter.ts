import { type RemoteThreadListAdapter, type ThreadHistoryAdapter, useAui } from '@assistant-ui/react';
import type { Client } from '@switchyard/client';
import { createAssistantStream } from 'assistant-stream';
import { useMemo } from 'react';

/**
 * The gateway's threads as assistant-ui's thread list. A new thread keeps the id that assistant-ui gave it: it becomes the
 * thread's `externalId`, which every route takes.
 */
export function createThreadListAdapter(client: Client): RemoteThreadListAdapter {
  const { threads } = client;
  return {
    async list({ after } = {}) {
      const page = await threads.list(after === undefined ? {} : { before: after });
      return { threads: page.threads.map(metadataOf), nextCursor: page.nextBefore ?? undefined };
    },
    fetch: async (threadId) => metadataOf((await threads.read(threadId)).thread),
    async initialize(threadId) {
      await threads.create({ externalId: threadId });
      return { remoteId: threadId };
    },
    rename: async (threadId, title) => void (await threads.rename(threadId, title)),
    archive: async (threadId) => void (await threads.archive(threadId)),
    unarchive: async (threadId) => void (await threads.archive(threadId, false)),
    delete: (threadId) => threads.delete(threadId),
    async generateTitle(threadId, messages) {
      const [first] = messages.flatMap(({ content }) => content.find((part) => part.type === 'text') ?? []);
      const title = first?.text.slice(0, 60) ?? 'New thread';
      await threads.rename(threadId, title);
      return createAssistantStream((stream) => stream.appendText(title));
    },
    unstable_useAdapters: function useAdapters() {
      const aui = useAui();
      return useMemo(
        () => ({ history: createHistory(client, () => aui.threadListItem.getState().remoteId) }),
        [aui],
      );
    },
  };
}

type Thread = Awaited<ReturnType<Client['threads']['read']>>['thread'];

function metadataOf({ id, externalId, title, archived, lastMessageAt }: Thread) {
  return {
    remoteId: externalId ?? id,
    status: archived ? ('archived' as const) : ('regular' as const),
    title: title ?? undefined,
    lastMessageAt: lastMessageAt === null ? undefined : new Date(lastMessageAt),
  };
}

/** The gateway stores every message itself: a history is only ever read. */
function createHistory(client: Client, threadId: () => string | undefined): ThreadHistoryAdapter {
  return {
    load: async () => ({ messages: [] }),
    append: async () => undefined,
    withFormat: <Message>() => ({
      async load() {
        const id = threadId();
        const messages = id === undefined ? [] : (await client.messages(id)).messages;
        return {
          headId: messages.at(-1)?.id ?? null,
          messages: messages.map((message, index) => ({
            parentId: messages[index - 1]?.id ?? null,
            message: message as Message,
          })),
        };
      },
      append: async () => undefined,
    }),
  };
}
