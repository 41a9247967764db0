import { randomUUID } from 'node:crypto';
import type { SwitchyardMessage } from '@switchyard/protocol';
import { createBlobs } from '@switchyard/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chat, newChat } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { startWork } from './worker.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const pixel = Buffer.from('89504e470d0a1a0a', 'hex');
const dataUrl = (bytes: Uint8Array, mediaType = 'image/png') =>
  `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`;

function messageOf(parts: readonly unknown[], id: string = randomUUID()) {
  return { id, role: 'user', parts } as const;
}

async function fileRows(chat: Chat) {
  const [first] = await chat.messages();
  const { projectId } = (await stack.client(chat.token).messages(chat.threadId)).activeRun ?? {};
  const rows = await stack.sql<
    { id: string; name: string; media_type: string; size: string; object_key: string }[]
  >`
    select * from files where project_id = ${projectId ?? null} order by id`;
  return { first: first as SwitchyardMessage, rows };
}

test('a data url goes to storage and the row holds the file’s url in its place', async () => {
  const chat = newChat(stack);
  const parts = [
    { type: 'text', text: 'What is this?' },
    { type: 'file', mediaType: 'image/png', filename: '../a picture.png', url: dataUrl(pixel) },
    { type: 'file', url: 'data:text/plain,Hello%20there' },
  ];
  const connection = await chat.send(messageOf(parts));
  expect(connection.status).toBe(200);
  const { first, rows } = await fileRows(chat);
  expect(first.parts).toEqual([
    { type: 'text', text: 'What is this?' },
    { type: 'file', mediaType: 'image/png', filename: '../a picture.png', url: `/v1/files/${rows[0]?.id}` },
    { type: 'file', mediaType: 'text/plain', filename: 'attachment.txt', url: `/v1/files/${rows[1]?.id}` },
  ]);
  const stored =
    await stack.sql`select count(*)::integer as count from parts where part::text like '%base64%'`;
  expect(stored[0]).toEqual({ count: 0 });

  const { SUPABASE_URL: supabaseUrl = '', SUPABASE_SECRET_KEY: secretKey = '' } = stack.environment;
  const blobs = createBlobs({ supabaseUrl, secretKey, bucket: 'switchyard' });
  const bytesOf = async (key = '') => Buffer.from(await new Response(await blobs.read(key)).arrayBuffer());
  expect(await bytesOf(rows[0]?.object_key)).toEqual(pixel);
  expect((await bytesOf(rows[1]?.object_key)).toString()).toBe('Hello there');
});

test('a message with files that comes again stores nothing more, at once or later', async () => {
  const chat = newChat(stack);
  const message = messageOf([
    { type: 'file', mediaType: 'image/png', filename: 'a.png', url: dataUrl(pixel) },
  ]);
  const connections = await Promise.all(Array.from({ length: 4 }, () => chat.send(message)));
  connections.push(await chat.send(message));
  expect(new Set(connections.map(({ headers }) => headers['x-run-id'])).size).toBe(1);
  const { first, rows } = await fileRows(chat);
  expect(rows).toHaveLength(1);
  // As the store shows it, the message is the same one.
  const reread = await chat.send(messageOf(first.parts, message.id));
  expect(reread.headers['x-run-id']).toBe(connections[0]?.headers['x-run-id']);
  // A new answer needs no file either.
  await (await startWork(stack, await chat.runOf(reread))).finish('answered');
  const again = await chat.send(message, { trigger: 'regenerate-message' });
  expect(again.headers['x-run-id']).not.toBe(reread.headers['x-run-id']);
  expect((await fileRows(chat)).rows).toHaveLength(1);
  expect((await fileRows(chat)).first.parts).toEqual(first.parts);
});

test('files that runs have shown before may be sent along again', async () => {
  const chat = newChat(stack);
  await chat.send(
    messageOf([{ type: 'file', mediaType: 'text/csv', filename: 'a.csv', url: dataUrl(pixel) }]),
  );
  const { rows } = await fileRows(chat);
  const parts = [
    { type: 'text', text: 'And now?' },
    { type: 'data-file', data: { fileId: rows[0]?.id, name: 'forged', path: '/etc/passwd' } },
    { type: 'file', mediaType: 'text/csv', url: `${stack.url}/v1/files/${rows[0]?.id}` },
  ];
  expect((await chat.send(messageOf(parts))).status).toBe(200);
  const messages = await chat.messages();
  expect(messages[2]?.parts).toEqual([
    { type: 'text', text: 'And now?' },
    { type: 'file', mediaType: 'text/csv', url: `/v1/files/${rows[0]?.id}` },
    {
      type: 'data-file',
      data: { fileId: rows[0]?.id, name: 'a.csv', mediaType: 'text/csv', size: 8, path: 'uploads/a.csv' },
    },
  ]);
  const stranger = newChat(stack);
  expect((await stranger.send(messageOf(parts))).status).toBe(404);
});

test('a file of 4 MB is taken, with a history of such files around it; a larger one is refused', async () => {
  const chat = newChat(stack);
  const largest = { type: 'file', mediaType: 'image/png', url: dataUrl(Buffer.alloc(4 * 1024 * 1024, 1)) };
  const larger = { type: 'file', mediaType: 'image/png', url: dataUrl(Buffer.alloc(4 * 1024 * 1024 + 1, 1)) };
  const history = Array.from({ length: 3 }, () => messageOf([largest]));
  const taken = await chat.send(messageOf([largest]), { messages: [...history, messageOf([largest])] });
  expect(taken.status).toBe(200);
  expect((await fileRows(chat)).rows).toMatchObject([{ size: String(4 * 1024 * 1024) }]);
  expect((await newChat(stack).send(messageOf([larger]))).status).toBe(413);
});
