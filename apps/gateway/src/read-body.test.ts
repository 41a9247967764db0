import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGate } from './gate.ts';
import { limits } from './limits.ts';
import { readBody } from './read-body.ts';

const server = createServer();
let port: number;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** A request as the server has it: its head has come, and of its body what was sent. */
async function begin(
  length: number | null = 1000,
): Promise<{ readonly incoming: IncomingMessage; readonly sender: ClientRequest }> {
  const headers = length === null ? {} : { 'content-length': length };
  const sender = request({ port, method: 'POST', headers });
  sender.on('error', () => undefined).write('{');
  const [incoming] = (await once(server, 'request')) as [IncomingMessage];
  return { incoming, sender };
}

test('a body whose sender has left already is refused at once, and not after its time', async () => {
  const { incoming, sender } = await begin();
  sender.destroy();
  await new Promise((resolve) => incoming.once('close', resolve));
  const reading = readBody(incoming, { maxBytes: 1000, timeoutMs: 3_600_000 });
  await expect(reading).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a body whose sender leaves while it is read is refused', async () => {
  const { incoming, sender } = await begin();
  const reading = readBody(incoming, { maxBytes: 1000, timeoutMs: 3_600_000 });
  sender.destroy();
  await expect(reading).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a large body takes its place when so much has arrived, not when it is declared', async () => {
  const gate = createGate({ places: 1, share: 1 });
  const options = { maxBytes: 4 * limits.jsonBytes, timeoutMs: 3_600_000 };
  const declared = await begin(2 * limits.jsonBytes);
  const waiting = readBody(declared.incoming, { ...options, place: gate('a') });
  const sent = await begin(2 * limits.jsonBytes);
  const place = gate('b');
  const reading = readBody(sent.incoming, { ...options, place });
  sent.sender.end(Buffer.alloc(2 * limits.jsonBytes - 1));
  expect(await reading).toHaveLength(2 * limits.jsonBytes);
  declared.sender.end(Buffer.alloc(2 * limits.jsonBytes - 1));
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  place.leave();
  gate('a').take();
});

test('a large body that comes in a trickle is cut, one that keeps its pace is not', async () => {
  const gate = createGate({ places: 2, share: 2 });
  const options = { maxBytes: 1e9, timeoutMs: 3_600_000, pace: { bytes: 1000, everyMs: 500 } };
  const [slow, steady] = [await begin(null), await begin(null)];
  const cut = readBody(slow.incoming, { ...options, place: gate('a') });
  const read = readBody(steady.incoming, { ...options, place: gate('a') });
  for (const { sender } of [slow, steady]) sender.write(Buffer.alloc(limits.jsonBytes));
  const trickle = setInterval(() => {
    slow.sender.write('x');
    steady.sender.write(Buffer.alloc(1000));
  }, 50);
  await expect(cut).rejects.toMatchObject({ code: 'invalid_request' });
  clearInterval(trickle);
  steady.sender.end();
  expect((await read).length).toBeGreaterThan(limits.jsonBytes);
});
