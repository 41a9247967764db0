import { createHash, randomBytes } from 'node:crypto';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import { createSandboxRecords } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../src/limits.ts';
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
  const { project } = await stack.client(token).startRun({ input: 'Write files.' });
  projectId = project.id;
  sandboxes = createSandboxes({
    apiUrl: host.url,
    apiKey: host.apiKey,
    records: createSandboxRecords(stack.sql, { maxRunningPerAccount: 10 }),
  });
  sandbox = await sandboxes.open({ projectId, sandboxId: null, signal });
});
afterAll(async () => {
  await sandboxes?.close();
  await stack?.stop();
  await host?.stop();
});

function read(path: string, as = token): Promise<Response> {
  return fetch(`${stack.url}/v1/projects/${projectId}/files/content?path=${encodeURIComponent(path)}`, {
    headers: { authorization: `Bearer ${as}` },
  });
}

describe('GET /v1/projects/:id/files', () => {
  test('lists a folder of the workspace, by path, and says when there is more', async () => {
    await sandbox.writeFile({ path: 'list/b.txt', bytes: Buffer.from('four'), signal });
    await sandbox.writeFile({ path: 'list/a/deep.txt', bytes: new Uint8Array(), signal });
    const client = stack.client(token);
    const { entries, isTruncated } = await client.files.list(projectId, 'list');
    expect(isTruncated).toBe(false);
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['list/a', 'directory'],
      ['list/b.txt', 'file'],
    ]);
    expect(entries[1]).toMatchObject({ size: 4 });
    expect(Date.parse(entries[1]?.modifiedAt ?? '')).toBeGreaterThan(0);
    expect((await client.files.list(projectId)).entries.map(({ path }) => path)).toContain('list');
    await sandbox.run({
      command: `mkdir many && cd many && seq ${limits.listedEntries + 1} | xargs touch`,
      timeoutMs: 20_000,
      signal,
    });
    const many = await client.files.list(projectId, 'many');
    expect(many).toMatchObject({ isTruncated: true });
    expect(many.entries).toHaveLength(limits.listedEntries);
  });

  test.each([
    ['nowhere', 404, 'not_found'],
    ['list/b.txt', 400, 'invalid_path'],
    ['../..', 400, 'invalid_path'],
  ])('of %s is %i %s', async (path, status, code) => {
    await expect(stack.client(token).files.list(projectId, path)).rejects.toMatchObject({ status, code });
  });

  test("of another person's project is 404", async () => {
    const stranger = stack.client(stack.signIn().token);
    await expect(stranger.files.list(projectId)).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });
});

describe('GET /v1/projects/:id/files/content', () => {
  test('answers with the bytes of a file, as an attachment that no browser runs', async () => {
    await sandbox.writeFile({
      path: 'out/Übersicht "1".html',
      bytes: Buffer.from('<script>alert(1)</script>'),
      signal,
    });
    const response = await read('out/Übersicht "1".html');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<script>alert(1)</script>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '25',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-disposition': `attachment; filename="_bersicht _1_.html"; filename*=UTF-8''%C3%9Cbersicht%20%221%22.html`,
    });
    const absolute = await read('/workspace/out/Übersicht "1".html');
    expect(absolute.status).toBe(200);
  });

  test('says what text it is where that is safe', async () => {
    await sandbox.writeFile({ path: 'report.md', bytes: Buffer.from('# Figures\n'), signal });
    await sandbox.writeFile({ path: 'empty.csv', bytes: new Uint8Array(), signal });
    expect((await read('report.md')).headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    const empty = await read('empty.csv');
    expect(empty.headers.get('content-length')).toBe('0');
    expect(await empty.text()).toBe('');
    expect(Buffer.from(await stack.client(token).readFile(projectId, 'report.md')).toString()).toBe(
      '# Figures\n',
    );
  });

  test('gives a file of several pages back whole', async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 7);
    await sandbox.writeFile({ path: 'big.bin', bytes, signal });
    const copy = await stack.client(token).readFile(projectId, 'big.bin');
    expect(createHash('sha256').update(copy).digest('hex')).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    );
  });

  test.each([
    ['as long as before', 'dd if=/dev/zero of=changing bs=1M count=32 conv=notrunc'],
    ['longer', 'head -c 40000000 /dev/zero > changing'],
    ['shorter', 'truncate -s 20000000 changing'],
    ['another file', 'head -c 33554432 /dev/zero > new && mv new changing'],
  ])(
    'is cut where the file is changed meanwhile (%s): no mixture passes for a file',
    async (_name, change) => {
      const run = (command: string) => sandbox.run({ command, timeoutMs: 20_000, signal });
      await run('head -c 33554432 /dev/urandom > changing');
      const response = await read('changing');
      expect(response.headers.get('content-length')).toBe('33554432');
      // The reader takes nothing meanwhile: far less than the file fits between it and the gateway.
      await run(change);
      await expect(response.bytes().then(({ length }) => length)).rejects.toThrow('terminated');
      const again = await read('changing');
      expect(await again.bytes()).toHaveLength(Number(again.headers.get('content-length')));
    },
  );

  test.each([
    ['missing.txt', 404, 'not_found'],
    ['../outside', 400, 'invalid_path'],
    ['/etc/passwd', 400, 'invalid_path'],
  ])('%s is %i %s', async (path, status, code) => {
    const response = await read(path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
  });

  test('of a folder is a clear refusal', async () => {
    const response = await read('out');
    expect(response.status).toBeLessThan(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  test("of another person's project is 404", async () => {
    expect((await read('report.md', stack.signIn().token)).status).toBe(404);
  });

  test('follows no link out of the sandbox: a link is read inside, where the host is not', async () => {
    await sandbox.run({ command: 'ln -s /etc/shadow secret.txt', timeoutMs: 5000, signal });
    const response = await read('secret.txt');
    expect(response.status).not.toBe(200);
  });
});
