import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
import { startStack, type Stack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** Begins to post a chat, of which so much is declared, and leaves the rest to the caller. */
async function beginChat(token: string, length = 2_000_000): Promise<Socket> {
  const { hostname, port } = new URL(stack.url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  await once(socket, 'connect');
  const head = `POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
  await new Promise((resolve) => socket.write(`${head}Content-Length: ${length}\r\n\r\n{`, resolve));
  return socket;
}

/** The status of an upload, of somebody else unless it is said whose. */
async function statusOfUpload(size: number, token = stack.signIn().token): Promise<number> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(size)]), 'a.bin');
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${stack.url}/v1/files`, { method: 'POST', body: form, headers })).status;
}

test('senders who leave at once leave no place taken behind them', async () => {
  const { token } = stack.signIn();
  // Known from now on: what is left to check goes by while the sender leaves.
  await stack.client(token).me();
  for (let turns = 0; turns < 60; turns += 1) {
    const socket = await beginChat(token);
    // The gateway is in this process: it comes a bit further with each turn.
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    socket.destroy();
  }
  await expect.poll(() => statusOfUpload(2_000_000), { timeout: 20_000 }).toBe(201);
});

test('bodies that are declared large and never come take no place from others', async () => {
  const { token } = stack.signIn();
  const { accountId } = await stack.client(token).me();
  const sockets = await Promise.all(Array.from({ length: 8 }, () => beginChat(token)));
  // Past the last check before their bodies are read.
  await expect.poll(() => stack.redis.get(`limit:writes:${accountId}`)).toBe('8');
  expect(await statusOfUpload(2_000_000)).toBe(201);
  for (const socket of sockets) socket.destroy();
});

test('one account has no more than its share of large bodies at a time, and the others have the rest', async () => {
  const { token } = stack.signIn();
  const sockets: Socket[] = [];
  let refused = 0;
  for (let count = 0; count < limits.largeBodies.places; count += 1) {
    const socket = (await beginChat(token, limits.chatBytes)).once('data', () => (refused += 1));
    socket.write(Buffer.alloc(limits.jsonBytes + 1));
    sockets.push(socket);
  }
  // Those that were let in go on sending, as slow lines do.
  const sending = setInterval(() => sockets.forEach((socket) => socket.write(Buffer.alloc(32_768))), 100);
  const { places, share } = limits.largeBodies;
  await expect.poll(() => refused, { timeout: 20_000 }).toBe(places - share);
  expect(await statusOfUpload(2_000_000, token)).toBe(503);
  expect(await statusOfUpload(1000, token)).toBe(201);
  expect(await statusOfUpload(2_000_000)).toBe(201);
  clearInterval(sending);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => statusOfUpload(2_000_000, token), { timeout: 20_000 }).toBe(201);
});
