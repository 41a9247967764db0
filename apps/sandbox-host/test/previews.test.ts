import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Sandbox } from '@switchyard/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { apiKey, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

/** What the guest serves: what it saw of a request, a large body, and a socket that sends back what it gets. */
const program = `
const { createServer } = require('node:http');
const { createHash } = require('node:crypto');
const server = createServer((request, response) => {
  let size = 0;
  request.on('data', (bytes) => (size += bytes.length));
  request.on('end', () => {
    if (request.url === '/large') return response.end(Buffer.alloc(30e6, 'x'));
    if (request.url === '/stream') { response.write('first\\n'); setTimeout(() => response.end('last\\n'), 500); return; }
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, size }));
  });
});
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: Upgrade\\r\\nsec-websocket-accept: ' + accept + '\\r\\n\\r\\n');
  socket.pipe(socket);
});
for (const [port, address] of [[3000, '127.0.0.1'], [3001, '::1']])
  (port === 3000 ? server : createServer((_, response) => response.end('by six'))).listen(port, address);
require('node:net').createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (bytes) => socket.write(decodeURIComponent(String(bytes).split(' ')[1].slice(1))));
}).listen(3002, '127.0.0.1');
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let host: TestHost;
let sandbox: Sandbox;
beforeAll(async () => {
  folder = await temporaryFolder();
  host = await startTestHost(folder.path);
  sandbox = await newSandbox();
}, 60_000);
afterAll(async () => {
  await host.close();
  await folder.remove();
});

/** One that serves the program. */
async function newSandbox(of = host): Promise<Sandbox> {
  const made = await of.open(randomUUID());
  const { signal } = new AbortController();
  await made.writeFile({ path: 'serve.cjs', bytes: Buffer.from(program), signal });
  await made.run({ command: 'setsid node serve.cjs >serve.log 2>&1 & sleep 0.1', timeoutMs: 10_000, signal });
  const url = await addressOf(made, 3000, 60, of);
  await vi.waitFor(async () => expect((await ask(url)).status).toBe(201), { timeout: 20_000 });
  return made;
}

async function addressOf(
  { id }: Pick<Sandbox, 'id'>,
  port: number,
  seconds = 60,
  { host: { url: base } } = host,
): Promise<string> {
  const response = await fetch(
    `${base}/sandbox/${id}/ports/${port}/signed-preview-url?expiresInSeconds=${seconds}`,
    {
      headers: { authorization: `Bearer ${apiKey}` },
    },
  );
  const { url } = (await response.json()) as { url: string };
  return url;
}

interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** As a browser does: `*.localhost` is this machine. */
async function ask(
  url: string,
  {
    method = 'GET',
    path = '/',
    headers = {},
    body = null,
  }: { method?: string; path?: string; headers?: Record<string, string>; body?: Buffer | null } = {},
): Promise<Asked> {
  const { host: name, port } = new URL(url);
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: { host: name, ...headers } });
  request.end(body ?? undefined);
  const [response] = (await once(request, 'response')) as [
    AsyncIterable<Buffer> & { statusCode: number; headers: IncomingHttpHeaders },
  ];
  let text = '';
  for await (const bytes of response) text += bytes.toString();
  return { status: response.statusCode, headers: response.headers, text };
}

async function openWebSocket(url: string) {
  const { host: name, port } = new URL(url);
  const key = Buffer.from('0123456789abcdef').toString('base64');
  const request = httpRequest({
    host: '127.0.0.1',
    port,
    headers: {
      host: name,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
    },
  }).end();
  const [response, socket] = (await once(request, 'upgrade')) as [{ headers: IncomingHttpHeaders }, Socket];
  return { key, response, socket };
}

describe('the preview of a port', () => {
  test('passes requests and answers as they are, and keeps its address to itself', async () => {
    const url = await addressOf(sandbox, 3000);
    expect(url).toMatch(/^http:\/\/3000-[a-z2-7]+\.localhost:\d+\/$/);
    const { status, headers, text } = await ask(url, {
      method: 'POST',
      path: '/a%20b?c=d',
      headers: {
        'x-own': 'mine',
        authorization: 'Basic of-the-page',
        connection: 'keep-alive, x-hop',
        'x-hop': 'no',
      },
      body: Buffer.alloc(5_000_000),
    });
    const seen = JSON.parse(text) as { headers: Record<string, string> };
    expect(status).toBe(201);
    expect(seen).toMatchObject({ method: 'POST', url: '/a%20b?c=d', size: 5_000_000 });
    expect(seen.headers).toMatchObject({
      'x-own': 'mine',
      authorization: 'Basic of-the-page',
      host: new URL(url).host,
    });
    expect(seen.headers).not.toHaveProperty('x-hop');
    expect(JSON.stringify(seen)).not.toContain(apiKey);
    expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'referrer-policy': 'no-referrer' });
    expect((await ask(url, { path: '/large' })).text).toHaveLength(30e6);
    expect((await ask(await addressOf(sandbox, 3001))).text).toBe('by six');
  });

  test('passes an answer on while it is made', async () => {
    const { host: name, port } = new URL(await addressOf(sandbox, 3000));
    const request = httpRequest({ host: '127.0.0.1', port, path: '/stream', headers: { host: name } }).end();
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    const pieces: string[] = [];
    for await (const piece of response) pieces.push(piece.toString());
    expect(pieces).toEqual(['first\n', 'last\n']);
  });

  test('passes WebSockets, both ways and at once', async () => {
    const { key, response, socket } = await openWebSocket(await addressOf(sandbox, 3000));
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    expect(response.headers['sec-websocket-accept']).toBe(accept);
    for (const words of ['one', 'two']) {
      socket.write(words);
      expect(String((await once(socket, 'data'))[0])).toBe(words);
    }
    socket.destroy();
  });

  test('is nobody’s without its address, and over when its time is', async () => {
    const url = await addressOf(sandbox, 3000);
    const { port } = new URL(url);
    const refused = [
      `http://localhost:${port}/`,
      `http://127.0.0.1:${port}/`,
      `http://3000-${sandbox.id}.localhost:${port}/`,
      url.replace('3000-', '3001-'),
      url.replace(/-(.)/, (_, letter: string) => `-${letter === 'a' ? 'b' : 'a'}`),
    ];
    for (const address of refused)
      expect(await ask(address)).toMatchObject({ status: 404, text: expect.stringContaining('over') });
    // The API is not there, key or none.
    const headers = { authorization: `Bearer ${apiKey}` };
    expect((await ask(`http://localhost:${port}/`, { path: `/sandbox/${sandbox.id}`, headers })).status).toBe(
      404,
    );
    const short = await addressOf(sandbox, 3000, 1);
    await expect.poll(async () => (await ask(short)).status, { timeout: 10_000 }).toBe(404);
  });

  test('says what is wrong: no program, no sandbox that runs', async () => {
    expect(await ask(await addressOf(sandbox, 4000))).toMatchObject({
      status: 502,
      text: expect.stringContaining('port 4000'),
    });
    const other = await newSandbox();
    const url = await addressOf(other, 3000);
    await host.host.registry.stop(other.id);
    expect((await ask(url)).status).toBe(409);
    expect((await ask(await addressOf(sandbox, 3000))).status).toBe(201);
  });

  test.each([
    'HTTP/1.1 000 X\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 101 X\r\n\r\n',
    'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: \u0001\r\n\r\n',
  ])('says that the program broke off when it answers %j', async (answer) => {
    const url = await addressOf(sandbox, 3002);
    expect(await ask(url, { path: `/${encodeURIComponent(answer)}` })).toMatchObject({
      status: 502,
      text: expect.stringContaining('broke off'),
    });
  });

  test('passes on a status that no one knows, and what the program says beside it', async () => {
    const answer = 'HTTP/1.1 999 \u00e9\r\nx: \u00e9\r\ntrailer: y\r\ncontent-length: 0\r\n\r\n';
    const asked = await ask(await addressOf(sandbox, 3002), { path: `/${encodeURIComponent(answer)}` });
    expect(asked.status).toBe(999);
  });

  test('is asked for with the key alone, for ports and times that there are', async () => {
    const at = (path: string, key = apiKey) =>
      fetch(`${host.host.url}/sandbox/${path}`, { headers: { authorization: `Bearer ${key}` } });
    expect((await at(`${sandbox.id}/ports/3000/signed-preview-url`, 'another')).status).toBe(401);
    expect((await at(`${randomUUID()}/ports/3000/signed-preview-url`)).status).toBe(404);
    for (const path of ['ports/0', 'ports/65536', 'ports/x'])
      expect((await at(`${sandbox.id}/${path}/signed-preview-url`)).status).toBe(400);
    expect((await at(`${sandbox.id}/ports/80/signed-preview-url?expiresInSeconds=1e9`)).status).toBe(400);
  });

  test('has a bounded number of connections, and those of others are not among them', async () => {
    const url = await addressOf(sandbox, 3000);
    const { host: name, port } = new URL(url);
    const held = Array.from({ length: 128 }, () =>
      httpRequest({
        host: '127.0.0.1',
        port,
        method: 'POST',
        headers: { host: name, 'content-length': '10' },
      }),
    );
    for (const request of held) request.on('error', () => undefined).write('1');
    await expect.poll(async () => (await ask(url)).status, { timeout: 20_000 }).toBe(429);
    const other = await newSandbox();
    expect((await ask(await addressOf(other, 3000))).status).toBe(201);
    for (const request of held) request.destroy();
    await expect.poll(async () => (await ask(url)).status, { timeout: 20_000 }).toBe(201);
  }, 60_000);

  test('does not keep a host that is replaced from leaving, whatever is open', async () => {
    const data = await temporaryFolder();
    const first = await startTestHost(data.path);
    const made = await newSandbox(first);
    const { socket } = await openWebSocket(await addressOf(made, 3000, 60, first));
    const closed = once(
      socket.on('error', () => undefined),
      'close',
    );
    await first.sandboxes.close();
    await first.host.abandon();
    await closed;
    const second = await startTestHost(data.path);
    expect(second.host.registry.find(made.id).state).toBe('started');
    await second.close();
    await data.remove();
  });
});
