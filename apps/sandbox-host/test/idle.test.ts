import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { apiKey, runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A host with a sandbox that is idle as soon as nobody uses it. */
async function newSandbox(): Promise<{ readonly host: TestHost; readonly id: string }> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const host = await startTestHost(folder.path);
  cleanups.push(host.close);
  const { record } = await host.host.registry.create({
    name: `switchyard-${randomUUID()}`,
    labels: {},
    autoStopMinutes: 0.0001,
  });
  return { host, id: record.id };
}

/** The state after so long that it would have been stopped if nobody used it. */
async function stateWhenIdle({ host }: TestHost, id: string): Promise<string> {
  const startedAt = Date.now();
  await expect.poll(() => Date.now() - startedAt).toBeGreaterThan(50);
  await host.registry.stopIdle();
  return host.registry.find(id).state;
}

/** A request to the sandbox's toolbox, whose answer nobody reads yet. */
function execute({ host }: TestHost, id: string, command: string): ReturnType<typeof httpRequest> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const request = httpRequest(`${host.url}/toolbox/${id}/process/execute`, { method: 'POST', headers });
  request.on('error', () => undefined);
  request.end(JSON.stringify({ command }));
  return request;
}

describe('a sandbox that stops when nobody uses it', () => {
  test('is not stopped while somebody is in it, and is afterwards', async () => {
    const { host, id } = await newSandbox();
    const { leave } = host.host.registry.enter(id);
    const other = host.host.registry.enter(id);
    expect(await stateWhenIdle(host, id)).toBe('started');
    other.leave();
    other.leave();
    expect(await stateWhenIdle(host, id)).toBe('started');
    leave();
    expect(await stateWhenIdle(host, id)).toBe('stopped');
  });

  test('is not stopped while an answer is on its way', async () => {
    const { host, id } = await newSandbox();
    const request = execute(host, id, 'head -c 12000000 /dev/zero | tr "\\0" x');
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(await stateWhenIdle(host, id)).toBe('started');
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) size += chunk.length;
    expect(size).toBeGreaterThan(12_000_000);
    await expect.poll(() => stateWhenIdle(host, id)).toBe('stopped');
  });

  test('is not kept by a client that has gone away', async () => {
    const { host, id } = await newSandbox();
    const request = execute(host, id, 'sleep 600');
    await once(request, 'socket');
    await expect.poll(() => stateWhenIdle(host, id)).toBe('started');
    request.destroy();
    await expect.poll(() => stateWhenIdle(host, id)).toBe('stopped');
  });

  test('is not stopped while a preview is open', async () => {
    const { host, id } = await newSandbox();
    const { leave } = host.host.registry.enter(id);
    const project = host.host.registry.find(id).record.name.slice('switchyard-'.length);
    const sandbox = await host.open(project);
    const serve =
      "require('node:net').createServer((s) => s.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: x\\r\\n\\r\\n')).listen(3000)";
    await runIn(
      sandbox,
      `setsid node -e "${serve}" >/dev/null 2>&1 & until (: </dev/tcp/127.0.0.1/3000) 2>/dev/null; do :; done`,
    );
    const asked = await fetch(`${host.host.url}/sandbox/${id}/ports/3000/signed-preview-url`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const address = new URL(((await asked.json()) as { url: string }).url);
    const socket: Socket = connect(Number(address.port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET / HTTP/1.1\r\nhost: ${address.host}\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toContain('101');
    leave();
    expect(await stateWhenIdle(host, id)).toBe('started');
    socket.destroy();
    await expect.poll(() => stateWhenIdle(host, id)).toBe('stopped');
  });
});
