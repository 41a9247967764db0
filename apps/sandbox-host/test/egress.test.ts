import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import path from 'node:path';
import type { Sandbox } from '@switchyard/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxHostOptions } from '../src/start-host.ts';
import { recordNetwork, type RecordedNetwork } from './recorded-network.ts';
import { runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const publicAddress = '93.184.216.34';
let webPort = 0;
let echoPort = 0;
const closing: (() => Promise<unknown>)[] = [];
const cleanups: (() => Promise<unknown>)[] = [];

/** Stands for every web server of the internet. */
const web = createServer((request, response) => {
  if (request.url?.startsWith('/to/')) {
    response.writeHead(302, { location: decodeURIComponent(request.url.slice(4)) }).end();
    return;
  }
  let size = 0;
  request.on('data', (chunk: Buffer) => (size += chunk.length));
  request.on('end', () => {
    const { host, 'proxy-connection': proxied = 'none' } = request.headers;
    const seen = `${request.method} ${request.url} of ${host}, ${size} bytes, proxied: ${String(proxied)}`;
    response.end(request.url === '/large' ? Buffer.alloc(20_000_000, 'x') : seen);
  });
});
const echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

beforeAll(async () => {
  for (const server of [web, echo]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => new Promise((resolve) => server.close(resolve)));
  }
  webPort = (web.address() as AddressInfo).port;
  echoPort = (echo.address() as AddressInfo).port;
});
afterAll(() => Promise.all(closing.map((close) => close())));
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function newHost(
  network: RecordedNetwork,
  options: Partial<SandboxHostOptions> = {},
): Promise<TestHost & { readonly dataDir: string }> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const host = await startTestHost(folder.path, { network, ...options });
  cleanups.push(host.close);
  return { ...host, dataDir: folder.path };
}

/** What `fetch` inside prints: the status and the beginning of the body. */
function fetchIn(sandbox: Sandbox, url: string, init = '{}'): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}, ${init}).then(async (r) => console.log(r.status, (await r.text()).slice(0, 200)), (e) => console.log("failed", e.cause?.code ?? e.message))`;
  return runIn(sandbox, `cat > request.mjs <<'END'\n${script}\nEND\nnode request.mjs`);
}

/** Says something through a tunnel and prints what comes back, its own end said first. */
function tunnelIn(sandbox: Sandbox, authority: string): Promise<string> {
  const script = `import http from "node:http";
const request = http.request({ host: "127.0.0.1", port: 3128, method: "CONNECT", path: ${JSON.stringify(authority)} });
request.on("connect", (response, socket) => {
  if (response.statusCode !== 200) { console.log(response.statusCode); process.exit(); }
  socket.end("hello");
  socket.on("data", (data) => console.log("heard", data.toString()));
});
request.on("response", (response) => console.log(response.statusCode));
request.on("error", (error) => console.log(error.code));
request.end();`;
  return runIn(sandbox, `cat > tunnel.mjs <<'END'\n${script}\nEND\nnode tunnel.mjs`);
}

describe('the way out of a sandbox', () => {
  test('leads to the public internet by an address that was checked, and asks for a name once', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const sandbox = await (await newHost(network)).open(randomUUID());
    const seen = await fetchIn(sandbox, 'http://example.test/a?b=c');
    expect(seen).toContain('200 GET /a?b=c of example.test, 0 bytes, proxied: none');
    expect(network.dialled).toEqual([`${publicAddress}:80`]);
    expect(network.resolved).toEqual(['example.test']);
  });

  test('carries bodies of both directions, and tunnels that are ended on one side', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const sandbox = await (await newHost(network)).open(randomUUID());
    const body = '{ method: "POST", body: new Uint8Array(5_000_000) }';
    expect(await fetchIn(sandbox, 'http://example.test/', body)).toContain('POST / of example.test, 5000000');
    // Also to who begins to read when all of it has arrived at the proxy.
    const size =
      'node -e \'for (const ms of [0, 300]) fetch("http://example.test/large").then(async (r) => { await new Promise((f) => setTimeout(f, ms)); console.log((await r.bytes()).length) })\'';
    expect(await runIn(sandbox, size)).toBe('20000000\n20000000\n');
    const tunnel = recordNetwork({ 'example.test': [[publicAddress]] }, echoPort);
    const other = await (await newHost(tunnel)).open(randomUUID());
    expect(await tunnelIn(other, 'example.test:443')).toBe('heard hello\n');
    expect(tunnel.dialled).toEqual([`${publicAddress}:443`]);
  });

  test('does not hold up a stop by a tunnel that is silent and whose far end does not hang up', async () => {
    const peer = createTcpServer({ allowHalfOpen: true });
    const held: Socket[] = [];
    peer.on('connection', (socket: Socket) => held.push(socket.resume()));
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    cleanups.push(async () => {
      for (const socket of held) socket.destroy();
      peer.close();
    });
    const network = recordNetwork(
      { 'example.test': [[publicAddress]] },
      (peer.address() as AddressInfo).port,
    );
    const { open, host } = await newHost(network);
    const sandbox = await open(randomUUID());
    const tunnel = `require("node:http").request({ host: "127.0.0.1", port: 3128, method: "CONNECT", path: "example.test:443" })
.on("connect", (answer) => console.log("status", answer.statusCode)).end()`;
    const holding = `setsid node -e '${tunnel}' > tunnel.log 2>&1 & until grep -s status tunnel.log; do sleep 0.05; done`;
    expect(await runIn(sandbox, holding)).toBe('status 200\n');
    const startedAt = performance.now();
    await host.registry.stop(sandbox.id);
    // A stop takes a fraction of a second; the silence after which the proxy gives a tunnel up is ten minutes.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(host.registry.running()).toEqual([]);
  });

  test.each(['000 X\r\n', '099 X\r\n', '101 X\r\n', '101 X\r\nconnection: upgrade\r\nupgrade: x\r\n'])(
    'answers with 502 where a server answers %j',
    async (answer) => {
      const peer = createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.write(`HTTP/1.1 ${answer}content-length: 0\r\n\r\n`));
      }).listen(0, '127.0.0.1');
      await once(peer, 'listening');
      cleanups.push(async () => peer.close());
      const network = recordNetwork(
        { 'example.test': [[publicAddress]] },
        (peer.address() as AddressInfo).port,
      );
      const sandbox = await (await newHost(network)).open(randomUUID());
      expect(await fetchIn(sandbox, 'http://example.test/')).toMatch(/^502 The connection was lost/);
    },
  );

  test('is not turned inwards by a redirect', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const sandbox = await (await newHost(network)).open(randomUUID());
    const inside = encodeURIComponent('http://169.254.169.254/latest/meta-data');
    expect(await fetchIn(sandbox, `http://example.test/to/${inside}`)).toMatch(/^403 /);
    expect(network.dialled).toEqual([`${publicAddress}:80`]);
  });

  test('is not turned inwards by a name whose address changes, or that has several', async () => {
    const network = recordNetwork(
      {
        'changing.test': [[publicAddress], ['127.0.0.1']],
        'mixed.test': [['10.0.0.1', '::1', publicAddress]],
      },
      webPort,
    );
    const sandbox = await (await newHost(network)).open(randomUUID());
    expect(await fetchIn(sandbox, 'http://changing.test/')).toMatch(/^200 /);
    expect(await fetchIn(sandbox, 'http://changing.test/')).toMatch(/^403 /);
    expect(await fetchIn(sandbox, 'http://mixed.test/')).toMatch(/^200 /);
    expect(network.dialled).toEqual([`${publicAddress}:80`, `${publicAddress}:80`]);
  });

  test('tries the next address when one does not answer, and says when none does', async () => {
    const silent = recordNetwork({ 'example.test': [['1.1.1.1', '2606:4700::1111']] }, null);
    const sandbox = await (await newHost(silent)).open(randomUUID());
    expect(await fetchIn(sandbox, 'http://example.test/')).toMatch(/^504 example\.test does not answer/);
    expect(silent.dialled).toEqual(['1.1.1.1:80', '2606:4700::1111:80']);
  });

  test('tells the same of a name inside this network and of one that is not there', async () => {
    const network = recordNetwork({ 'inside.test': [['10.1.2.3']] }, webPort);
    const sandbox = await (await newHost(network)).open(randomUUID());
    const [inside, nowhere] = [
      await fetchIn(sandbox, 'http://inside.test/'),
      await fetchIn(sandbox, 'http://nowhere.test/'),
    ];
    expect(inside.replace('inside', 'X')).toBe(nowhere.replace('nowhere', 'X'));
    expect(inside).toMatch(/^403 /);
  });

  test('is narrowed by the domains of the host and by those of the sandbox', async () => {
    const names = Object.fromEntries(
      ['good.test', 'sub.good.test', 'other.test', 'evilgood.test'].map((name) => [name, [[publicAddress]]]),
    );
    const network = recordNetwork(names, webPort);
    const { open, host, sandboxes } = await newHost(network, {
      egress: { allowedDomains: ['*.good.test', 'good.test'] },
    });
    const sandbox = await open(randomUUID());
    expect(await fetchIn(sandbox, 'http://good.test/')).toMatch(/^200 /);
    expect(await fetchIn(sandbox, 'http://SUB.good.test/')).toMatch(/^200 /);
    for (const refused of ['other.test', 'evilgood.test', publicAddress, 'good.test.other.test']) {
      expect(await fetchIn(sandbox, `http://${refused}/`)).toMatch(/^403 /);
    }
    // What is not allowed is not even asked for: a name can carry what it must not tell.
    expect(network.resolved).toEqual(['good.test', 'sub.good.test']);
    const projectId = randomUUID();
    await host.registry.create({
      name: `switchyard-${projectId}`,
      labels: {},
      autoStopMinutes: null,
      allowedDomains: ['sub.good.test', 'other.test'],
    });
    const narrow = await sandboxes.open({
      projectId,
      sandboxId: null,
      signal: new AbortController().signal,
    });
    expect(await fetchIn(narrow, 'http://sub.good.test/')).toMatch(/^200 /);
    expect(await fetchIn(narrow, 'http://good.test/')).toMatch(/^403 /);
    expect(await fetchIn(narrow, 'http://other.test/')).toMatch(/^403 /);
  });

  test('is closed where the host or the sandbox has none', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const closed = await (await newHost(network, { egress: null })).open(randomUUID());
    expect(await runIn(closed, 'env | grep -ci proxy; ls /run')).toBe('0\nswitchyard\n');
    expect(await fetchIn(closed, 'http://example.test/')).toMatch(/^failed/);
    const { host, sandboxes } = await newHost(network);
    const projectId = randomUUID();
    const blocked = { name: `switchyard-${projectId}`, labels: {}, autoStopMinutes: null };
    await host.registry.create({ ...blocked, isNetworkBlocked: true });
    const signal = new AbortController().signal;
    const sandbox = await sandboxes.open({ projectId, sandboxId: null, signal });
    expect(await fetchIn(sandbox, 'http://example.test/')).toMatch(/^failed/);
    expect(network.dialled).toEqual([]);
  });

  test('goes on when the host is replaced', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const first = await newHost(network);
    const projectId = randomUUID();
    const before = await first.open(projectId);
    expect(await fetchIn(before, 'http://example.test/')).toMatch(/^200 /);
    await first.host.abandon();
    const second = await startTestHost(first.dataDir, { network });
    cleanups.push(second.close);
    const after = await second.open(projectId);
    expect(after.incarnation).toBe(before.incarnation);
    expect(await fetchIn(after, 'http://example.test/')).toMatch(/^200 /);
  });

  test('stops the one whose way cannot be opened again when the host is replaced, and no other', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const first = await newHost(network);
    const [broken, whole] = [await first.open(randomUUID()), await first.open(randomUUID())];
    await first.host.abandon();
    const way = path.join(first.dataDir, 'sandboxes', broken.id, 'egress');
    await rm(way, { recursive: true });
    await writeFile(way, '');
    const second = await startTestHost(first.dataDir, { network });
    cleanups.push(second.close);
    expect(second.host.registry.running().map(({ id }) => id)).toEqual([whole.id]);
  });

  test('belongs to the host: the sandbox cannot put anything else at its place', async () => {
    const network = recordNetwork({ 'example.test': [[publicAddress]] }, webPort);
    const sandbox = await (await newHost(network)).open(randomUUID());
    const attempts =
      'rm -f /run/egress/proxy.sock; : > /run/egress/x; mv /run/egress /run/other; chmod 600 /run/egress/proxy.sock; ls -A /run/egress';
    expect(await runIn(sandbox, `{ ${attempts}; } 2>/dev/null`)).toBe('proxy.sock\n');
    expect(await fetchIn(sandbox, 'http://example.test/')).toMatch(/^200 /);
  });
});
