import { type Chunk, isToolPart, type SwitchyardMessage } from '@switchyard/protocol';
import { readUIMessageStream } from 'ai';
import type { Frame } from '../../fleet/frames.ts';
import type { ChatPlace, ChatSession } from './chat-session.ts';

/** How a client without a chat of its own reads a run. */
export interface RunReader {
  /** Posts a body to `/v1/chat`; `frames` when the client reads the answer of the request itself. */
  post(body: unknown): Promise<{ readonly runId: string; readonly frames?: AsyncIterable<Frame> }>;
  /** Reads from behind a cursor until the run ends or waits, or until the client gives up. */
  follow(runId: string, after: string | null): AsyncIterable<Frame>;
}

/** Calls the API as the small app around such a client does. */
export type CallApi = (path: string, body?: unknown) => Promise<unknown>;

/** A chat in some fifty lines: post, read events, fold them with the AI SDK's reader. */
export async function openFollower(
  { chatId = crypto.randomUUID(), messages = [] }: ChatPlace,
  { reader, callApi }: { readonly reader: RunReader; readonly callApi: CallApi },
): Promise<ChatSession> {
  let earlier: readonly SwitchyardMessage[] = messages;
  let run: { readonly id: string; cursor: string | null; readonly chunks: Chunk[] } | null = null;

  async function shown(): Promise<readonly SwitchyardMessage[]> {
    const answer = run && (await fold(run.chunks));
    return answer ? [...earlier.filter(({ id }) => id !== answer.id), answer] : earlier;
  }

  async function read(frames: AsyncIterable<Frame>): Promise<void> {
    const reading = run;
    try {
      for await (const { id, data } of frames) {
        if (id === null || reading === null) continue;
        const chunk = JSON.parse(data) as Chunk;
        // The message begins anew.
        if (chunk.type === 'start') reading.chunks.length = 0;
        reading.cursor = id;
        reading.chunks.push(chunk);
      }
    } catch {
      // The line broke: what has come stays.
    }
  }

  async function ask(before: readonly SwitchyardMessage[], body: object): Promise<void> {
    const { runId, frames } = await reader.post({ id: chatId, ...body });
    earlier = before;
    run = { id: runId, cursor: null, chunks: [] };
    await read(frames ?? reader.follow(runId, null));
  }

  const userMessage = (text: string, id: string = crypto.randomUUID()): SwitchyardMessage => ({
    id,
    role: 'user',
    parts: [{ type: 'text', text }],
  });

  async function until(messageId: string): Promise<readonly SwitchyardMessage[]> {
    const all = await shown();
    return all.slice(
      0,
      all.findIndex(({ id }) => id === messageId),
    );
  }

  return {
    chatId: async () => chatId,
    messages: shown,
    async send(text) {
      const message = userMessage(text);
      const before = [...(await shown()), message];
      await ask(before, { messages: [message], trigger: 'submit-message' });
    },
    async rejoin() {
      if (run === null) {
        const { activeRun } = (await callApi(`/v1/threads/${chatId}/messages`)) as {
          activeRun: { id: string } | null;
        };
        if (activeRun === null) return;
        run = { id: activeRun.id, cursor: null, chunks: [] };
      }
      await read(reader.follow(run.id, run.cursor));
    },
    async edit(messageId, text) {
      const message = userMessage(text, messageId);
      const before = [...(await until(messageId)), message];
      await ask(before, { messages: [message], trigger: 'submit-message', messageId });
    },
    async regenerate(messageId) {
      const before = await until(messageId);
      await ask(before, { messages: before.slice(-1), trigger: 'regenerate-message', messageId });
    },
    async approve(approvalId, approved) {
      if (run === null) return;
      await callApi(`/v1/runs/${run.id}/approvals/${approvalId}`, { approved });
      await read(reader.follow(run.id, run.cursor));
    },
    close: async () => undefined,
  };
}

async function fold(chunks: readonly Chunk[]): Promise<SwitchyardMessage | undefined> {
  const stream = new ReadableStream<Chunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(structuredClone(chunk));
      controller.close();
    },
  });
  let message: SwitchyardMessage | undefined;
  for await (const state of readUIMessageStream<SwitchyardMessage>({ stream, onError: () => undefined })) {
    message = state;
  }
  return message;
}

/** Ids of the approvals that a message asks for. */
export function approvalsAsked(message: SwitchyardMessage | undefined): string[] {
  return (message?.parts ?? []).flatMap((part) =>
    isToolPart(part) && part.state === 'approval-requested' ? [part.approval.id] : [],
  );
}
