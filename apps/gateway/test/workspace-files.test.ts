import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import { createSandboxRecords } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemOfError } from '../src/problem.ts';
import { writeWorkspaceFile } from '../src/write-workspace.ts';
import { type SandboxHost, startSandboxHost } from './sandbox-host.ts';
import { startStack, type Stack } from './stack.ts';

let host: SandboxHost;
let stack: Stack;
let sandboxes: Sandboxes;
let sandbox: Sandbox;
let token: string;
let projectId: string;
const { signal } = new AbortController();

beforeAll(async () => {
  host = await startSandboxHost();
  stack = await startStack({ DAYTONA_API_URL: host.url, DAYTONA_API_KEY: host.apiKey });
  ({ token } = stack.signIn());
  projectId = (await stack.client(token).projects.create()).project.id;
  sandboxes = createSandboxes({
    apiUrl: host.url,
    apiKey: host.apiKey,
    records: createSandboxRecords(stack.sql, { maxRunningPerAccount: 10 }),
  });
  sandbox = await sandboxes.open({ projectId, sandboxId: null, signal });
}, 60_000);
afterAll(async () => {
  await sandboxes?.close();
  await stack?.stop();
  await host?.stop();
});

const addressOf = (path: string, project = projectId) =>
  `${stack.url}/v1/projects/${project}/files/content?path=${encodeURIComponent(path)}`;
const authorization = () => ({ authorization: `Bearer ${token}` });
const textAt = async (path: string) =>
  Buffer.from((await sandbox.readFile(path, { signal })).bytes).toString();

describe('PUT /v1/projects/:id/files/content', () => {
  test('puts a file where it belongs, in the place of what stood there, and says what is there', async () => {
    const { files } = stack.client(token);
    const { entry } = await files.write(projectId, 'new/folder/Größe.txt', 'first');
    expect(entry).toMatchObject({ path: 'new/folder/Größe.txt', kind: 'file', size: 5 });
    await files.write(projectId, '/workspace/new/folder/Größe.txt', Uint8Array.of(0, 255, 10));
    expect(await files.read(projectId, 'new/folder/Größe.txt')).toEqual(Uint8Array.of(0, 255, 10));
    await files.write(projectId, 'empty', '');
    expect(await textAt('empty')).toBe('');
  });

  test('makes a sandbox for a project that had none', async () => {
    const client = stack.client(token);
    const { project } = await client.projects.create();
    await client.files.write(project.id, 'a.txt', 'here');
    expect(new TextDecoder().decode(await client.files.read(project.id, 'a.txt'))).toBe('here');
  });

  test('that breaks off leaves what was there, and nothing beside it', async () => {
    const { files } = stack.client(token);
    await files.write(projectId, 'kept/a.txt', 'old');
    const request = httpRequest(addressOf('kept/a.txt'), {
      method: 'PUT',
      headers: { ...authorization(), 'content-length': '1000000' },
    });
    request.on('error', () => undefined);
    request.write(Buffer.alloc(500_000));
    const names = async () => (await sandbox.list('.', { signal })).entries.map(({ path }) => path).join();
    await expect.poll(names, { timeout: 20_000 }).toContain('.switchyard-upload');
    request.destroy();
    await expect.poll(names, { timeout: 20_000 }).not.toContain('.switchyard-upload');
    expect(await textAt('kept/a.txt')).toBe('old');
  }, 60_000);

  test.each([
    ['../out.txt', 400, 'invalid_path'],
    ['.', 400, 'invalid_path'],
    ['', 400, 'invalid_path'],
    ['a folder', 400, 'invalid_path'],
    ['leads/out.txt', 400, 'invalid_path'],
  ])('of "%s" is %i %s, and writes nothing', async (path, status, code) => {
    await sandbox.run({ command: 'mkdir -p "a folder"; ln -sfn /tmp leads', timeoutMs: 10_000, signal });
    await expect(stack.client(token).files.write(projectId, path, 'x')).rejects.toMatchObject({
      status,
      code,
    });
    expect((await sandbox.run({ command: 'ls /tmp/out.txt', timeoutMs: 10_000, signal })).exitCode).not.toBe(
      0,
    );
  });

  test('is told at once when it is too large, and takes no body that is compressed', async () => {
    const request = httpRequest(addressOf('large'), {
      method: 'PUT',
      headers: { ...authorization(), 'content-length': String(5 * 1024 ** 3) },
    });
    request.on('error', () => undefined).flushHeaders();
    const [response] = (await once(request, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    request.destroy();
    const compressed = await fetch(addressOf('x'), {
      method: 'PUT',
      headers: { ...authorization(), 'content-encoding': 'gzip' },
      body: 'x',
    });
    expect(compressed.status).toBe(415);
  });
});

describe('a body whose length nobody told', () => {
  /** Sends pieces until it is answered, at most so many; gives the answer. */
  async function send(url: string, pieces: number): Promise<{ status: number; code: string }> {
    const request = httpRequest(url, { method: 'PUT', headers: authorization() });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const state = { isAnswered: false };
    void answered.catch(() => undefined).finally(() => (state.isAnswered = true));
    for (let sent = 0; sent < pieces && !state.isAnswered; sent += 1) {
      if (!request.write(Buffer.alloc(64 * 1024))) await Promise.race([once(request, 'drain'), answered]);
    }
    const [response] = await answered;
    request.on('error', () => undefined);
    const { code } = (await json(response)) as { code: string };
    request.destroy();
    return { status: response.statusCode ?? 0, code };
  }

  test('is refused when it turns out too long, and nothing of it stays', async () => {
    const maxBytes = 1024 * 1024;
    const workspace = { id: projectId, sandboxId: sandbox.id };
    const server = createServer((incoming, response) => {
      writeWorkspaceFile({ sandboxes }, { workspace, path: 'long', incoming, maxBytes, signal })
        .catch((error: unknown) => problemOfError(error, 'a-request'))
        .then((answer) =>
          response
            .writeHead('status' in answer ? answer.status : 200)
            .end(JSON.stringify('body' in answer ? answer.body : answer)),
        )
        .catch((error: unknown) => response.destroy(error as Error));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await send(`http://127.0.0.1:${port}/`, 64)).toEqual({ status: 413, code: 'payload_too_large' });
    server.close();
    const names = (await sandbox.list('.', { signal })).entries.map(({ path }) => path);
    expect(names.filter((name) => name === 'long' || name.startsWith('.switchyard'))).toEqual([]);
  }, 60_000);

  test('is answered by what befell the sandbox, when it stops meanwhile', async () => {
    const { project } = await stack.client(token).projects.create();
    await stack.client(token).files.write(project.id, 'a.txt', 'here');
    const headers = { authorization: `Bearer ${host.apiKey}` };
    const found = await fetch(`${host.url}/sandbox/switchyard-${project.id}`, { headers });
    const { id } = (await found.json()) as { id: string };
    const sending = send(addressOf('long', project.id), 100_000);
    const opened = await sandboxes.open({ projectId: project.id, sandboxId: id, signal });
    const names = async () => (await opened.list('.', { signal })).entries.map(({ path }) => path).join();
    await expect.poll(names, { timeout: 20_000 }).toContain('.switchyard-upload');
    await fetch(`${host.url}/sandbox/${id}/stop`, { method: 'POST', headers });
    expect(await sending).toEqual({ status: 502, code: 'sandbox_failed' });
  }, 60_000);
});

describe('DELETE /v1/projects/:id/files/content', () => {
  test('removes a file, and a folder with all in it', async () => {
    const { files } = stack.client(token);
    await files.write(projectId, 'gone/deep/a.txt', 'x');
    await files.write(projectId, 'gone/b.txt', 'x');
    await files.remove(projectId, 'gone/b.txt');
    expect((await files.list(projectId, 'gone')).entries.map(({ path }) => path)).toEqual(['gone/deep']);
    await files.remove(projectId, 'gone');
    await expect(files.remove(projectId, 'gone')).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  test('leaves the workspace itself, and what lies outside', async () => {
    const { files } = stack.client(token);
    for (const path of ['.', '/workspace', '../etc', '/etc/passwd'])
      await expect(files.remove(projectId, path)).rejects.toMatchObject({
        status: 400,
        code: 'invalid_path',
      });
  });
});

describe('a range of a file', () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 251));
  const get = (headers: Record<string, string>) =>
    fetch(addressOf('bytes.bin'), { headers: { ...authorization(), ...headers } });
  beforeAll(async () => {
    await stack.client(token).files.write(projectId, 'bytes.bin', bytes);
  });

  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=1048570-1048590', 1_048_570, 1_048_591],
    ['bytes=2500000-', 2_500_000, 3_000_000],
    ['bytes=-7', 2_999_993, 3_000_000],
    ['bytes=0-', 0, 3_000_000],
  ])('%s is those bytes', async (range, start, end) => {
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/3000000`);
    expect(response.headers.get('content-length')).toBe(String(end - start));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end))).toBe(true);
  });

  test('behind the end is 416 and says how many there are', async () => {
    const response = await get({ range: 'bytes=3000000-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */3000000');
    expect(await response.json()).toMatchObject({ code: 'range_not_satisfiable' });
  });

  test('of a file that has changed is all of it: a download goes on where it stopped, or begins anew', async () => {
    const etag = (await get({ range: 'bytes=0-0' })).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]+"$/);
    const rest = await get({ range: 'bytes=1-', 'if-range': etag });
    expect(rest.status).toBe(206);
    expect((await rest.arrayBuffer()).byteLength).toBe(2_999_999);
    await stack.client(token).files.write(projectId, 'bytes.bin', bytes);
    const whole = await get({ range: 'bytes=1-', 'if-range': etag });
    expect(whole.status).toBe(200);
    expect((await whole.arrayBuffer()).byteLength).toBe(3_000_000);
    expect(whole.headers.get('etag')).not.toBe(etag);
  });
});

describe('GET /v1/projects/:id/ports/:port', () => {
  test('gives an address of another origin, for a time, by which a browser reaches the port', async () => {
    await sandbox.run({
      command: `setsid node -e "require('http').createServer((q, s) => s.end('served ' + q.url)).listen(5000, '127.0.0.1')" >/dev/null 2>&1 & sleep 0.1`,
      timeoutMs: 10_000,
      signal,
    });
    const { port, url, expiresAt } = await stack.client(token).files.port(projectId, 5000);
    expect(port).toBe(5000);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 3_000_000);
    expect(new URL(url).host).not.toBe(new URL(stack.url).host);
    const { host: name, port: listening } = new URL(url);
    async function ask(): Promise<string> {
      const request = httpRequest({
        host: '127.0.0.1',
        port: listening,
        path: '/page',
        headers: { host: name },
      }).end();
      const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
      let text = '';
      for await (const piece of response) text += piece.toString();
      return text;
    }
    await expect.poll(ask, { timeout: 20_000 }).toBe('served /page');
  });

  test.each([
    ['0', 400],
    ['65536', 400],
    ['http', 400],
  ])('of port %s is %i', async (port, status) => {
    const response = await fetch(`${stack.url}/v1/projects/${projectId}/ports/${port}`, {
      headers: authorization(),
    });
    expect(response.status).toBe(status);
  });
});

test("another person's workspace is not there to write, remove or look into", async () => {
  const stranger = stack.client(stack.signIn().token);
  const missing = { status: 404, code: 'not_found' };
  await expect(stranger.files.write(projectId, 'x.txt', 'x')).rejects.toMatchObject(missing);
  await expect(stranger.files.remove(projectId, 'kept')).rejects.toMatchObject(missing);
  await expect(stranger.files.port(projectId, 5000)).rejects.toMatchObject(missing);
  expect((await sandbox.list('.', { signal })).entries.map(({ path }) => path)).not.toContain('x.txt');
});
