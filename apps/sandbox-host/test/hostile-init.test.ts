import { once } from 'node:events';
import { Agent } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type HttpBindings, serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { HostError } from '../src/host-error.ts';
import type { Namespace } from '../src/namespace.ts';
import { openPort } from '../src/previews/open-port.ts';
import { forwardToInit, pingInit } from '../src/toolbox-proxy.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A sandbox whose init was taken over: it does as it likes with each connection, once it has heard something. */
async function takeOver(act: (socket: Socket) => void): Promise<Namespace> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => act(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dial = (): Socket => connect({ port, host: '127.0.0.1' });
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = dial;
  cleanups.push(() => {
    agent.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    identity: { pid: process.pid, startTime: '0' },
    connect: dial,
    agent,
    isAlive: () => true,
    kill: () => Promise.resolve(true),
    release: () => undefined,
  };
}

const say = (answer: string) => (socket: Socket) => socket.write(`HTTP/1.1 ${answer}\r\n\r\n`);
const upgrade = '101 Up\r\nconnection: upgrade\r\nupgrade: x';

describe('an init that a guest took over', () => {
  test.each([
    '000 X\r\ncontent-length: 0',
    '099 X\r\ncontent-length: 0',
    '101 X',
    upgrade,
    '204 X',
    '304 X',
    '600 X\r\ncontent-length: 0',
    '999 X\r\ncontent-length: 0',
  ])('that answers %j to a command has not answered', async (answer) => {
    const namespace = await takeOver(say(answer));
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.all('*', (c) => forwardToInit(namespace, '/process/execute', c.env));
    app.onError((error, c) =>
      error instanceof HostError ? c.text(error.code, error.status) : c.text('bug', 500),
    );
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    cleanups.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x' });
    expect([response.status, await response.text()]).toEqual([502, 'SANDBOX_NOT_ANSWERING']);
  });

  test.each([
    ['upgrade', say(upgrade)],
    [
      'never-ending',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const drops = setInterval(() => socket.write('1\r\nx\r\n'), 20);
        cleanups.push(() => clearInterval(drops));
      },
    ],
  ] as const)('does not hold up who pings it by an answer that is %s', async (_, act) => {
    expect(await pingInit(await takeOver(act), 300)).toBe(true);
  });

  test.each(['502 X', '000 X', upgrade])('that answers %j to a port keeps no connection', async (answer) => {
    const namespace = await takeOver(say(answer));
    let near: Socket | undefined;
    const opening = openPort({ ...namespace, connect: () => (near = namespace.connect()) }, 3000);
    await expect(opening).rejects.toMatchObject({ status: 502, code: 'PORT_NOT_OPEN' });
    expect(near?.destroyed).toBe(true);
  });
});
