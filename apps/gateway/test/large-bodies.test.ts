import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** Begins to post a chat and leaves its body to the caller. */
async function beginChat(token: string, length: number): Promise<Socket> {
  const { hostname, port } = new URL(stack.url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  await once(socket, 'connect');
  const head = `POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
  await new Promise((resolve) => socket.write(`${head}Content-Length: ${length}\r\n\r\n{`, resolve));
  return socket;
}

/** The status of somebody else's upload. */
async function statusOfUpload(size: number): Promise<number> {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(size)]), 'a.bin');
  const headers = { authorization: `Bearer ${stack.signIn().token}` };
  return (await fetch(`${stack.url}/v1/files`, { method: 'POST', body: form, headers })).status;
}

test('senders who leave at once leave no place taken behind them', async () => {
  const { token } = stack.signIn();
  // Known from now on: what is left to check goes by while the sender leaves.
  await stack.client(token).me();
  for (let turns = 0; turns < 60; turns += 1) {
    const socket = await beginChat(token, 2_000_000);
    // The gateway is in this process: it comes a bit further with each turn.
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    socket.destroy();
  }
  await expect.poll(() => statusOfUpload(2_000_000), { timeout: 20_000 }).toBe(201);
});
