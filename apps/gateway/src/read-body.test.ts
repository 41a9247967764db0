import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
async function begin(): Promise<{ readonly incoming: IncomingMessage; readonly sender: ClientRequest }> {
  const sender = request({ port, method: 'POST', headers: { 'content-length': 1000 } });
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
