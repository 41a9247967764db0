import { randomUUID } from 'node:crypto';
import type { Chunk, Run, SwitchyardMessage } from '@switchyard/protocol';
import type { Stack } from './stack.ts';
import { type Connection, connect } from './viewer.ts';

/** A message as useChat sends it. */
export interface SentMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly parts: readonly unknown[];
}

export function userMessage(text: string, id: string = randomUUID()): SentMessage {
  return { id, role: 'user', parts: [{ type: 'text', text }] };
}

/** One person's chat, over the wire of useChat's transport. */
export interface Chat {
  readonly threadId: string;
  readonly token: string;
  /** Posts a message, or with `body` whatever stands in it. */
  send(message: SentMessage, body?: Readonly<Record<string, unknown>>): Promise<Connection>;
  resume(): Promise<Connection>;
  stop(): Promise<{
    readonly status: number;
    readonly body: { readonly run: Run | null; readonly cancel: unknown };
  }>;
  runOf(connection: Connection): Promise<Run>;
  messages(): Promise<SwitchyardMessage[]>;
  /** `<role>: <text>` of each message that the thread shows. */
  shown(): Promise<string[]>;
}

export function newChat(
  stack: Stack,
  { token = stack.signIn().token, threadId = `chat-${randomUUID()}` } = {},
): Chat {
  const client = stack.client(token);
  const messages = async () => (await client.messages(threadId)).messages;
  return {
    threadId,
    token,
    send: (message, body = {}) =>
      connect(`${stack.url}/v1/chat`, {
        token,
        body: { id: threadId, trigger: 'submit-message', messages: [message], ...body },
      }),
    resume: () => connect(`${stack.url}/v1/chat/${threadId}/stream`, { token }),
    async stop() {
      const response = await fetch(`${stack.url}/v1/chat/${threadId}/stop`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      return {
        status: response.status,
        body: (await response.json()) as { run: Run | null; cancel: unknown },
      };
    },
    runOf: async ({ headers }) => (await client.getRun(String(headers['x-run-id']))).run,
    messages,
    shown: async () => (await messages()).map((message) => `${message.role}: ${textOf(message)}`),
  };
}

function textOf({ parts }: SwitchyardMessage): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** The chunks up to the end of the stream, which must be a clean one. */
export async function readToEnd(connection: Connection): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (;;) {
    const frame = await connection.next();
    if (!frame) throw new Error('The stream ended without [DONE].');
    if (frame.data === '[DONE]') return chunks;
    chunks.push(JSON.parse(frame.data) as Chunk);
  }
}

/** Reads until a chunk of this type has come, and gives it. */
export async function readUntil(connection: Connection, type: Chunk['type']): Promise<Chunk> {
  for (;;) {
    const frame = await connection.next();
    if (!frame) throw new Error(`The stream ended before a ${type}.`);
    const chunk = JSON.parse(frame.data) as Chunk;
    if (chunk.type === type) return chunk;
  }
}
