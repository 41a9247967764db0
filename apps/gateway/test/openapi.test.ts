import { createSandboxes } from '@switchyard/sandbox';
import { createSandboxRecords } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operations, templateOf } from '../src/openapi/document.ts';
import { type SandboxHost, startSandboxHost } from './sandbox-host.ts';
import { startStack, type Stack } from './stack.ts';
import { connect } from './viewer.ts';
import { startWork } from './worker.ts';

let host: SandboxHost;
let stack: Stack;
let token: string;
beforeAll(async () => {
  host = await startSandboxHost();
  stack = await startStack({ DAYTONA_API_URL: host.url, DAYTONA_API_KEY: host.apiKey });
  ({ token } = stack.signIn());
});
afterAll(async () => {
  await stack?.stop();
  await host?.stop();
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${stack.url}${path}`, { headers, redirect: 'manual' });

describe('/openapi.json', () => {
  test('is there for everybody, from every origin, and is not sent twice', async () => {
    const response = await get('/openapi.json', { origin: 'http://localhost:5173' });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
    expect(await response.json()).toMatchObject({ openapi: '3.1.1', servers: [{ url: '/' }] });
    const etag = response.headers.get('etag') ?? '';
    expect((await get('/openapi.json', { 'if-none-match': etag })).status).toBe(304);
  });

  test('names the public address where one is configured', async () => {
    const another = await startStack({ PUBLIC_URL: 'https://api.example.com/' });
    const document = await (await fetch(`${another.url}/openapi.json`)).json();
    expect(document).toMatchObject({ servers: [{ url: 'https://api.example.com' }] });
    await another.stop();
  });
});

describe('/docs', () => {
  test('comes with every file that it names, under a policy that allows nothing inline', async () => {
    const response = await get('/docs');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|https?:\/\//);
    const files = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(files).toEqual([
      '/page/favicon.svg',
      '/docs/swagger-ui.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/start.ts',
      '/openapi.json',
    ]);
    for (const path of ['/docs', ...files]) {
      const file = await get(path);
      expect(file.status, path).toBe(200);
      expect((await file.arrayBuffer()).byteLength, path).toBeGreaterThan(200);
      if (!path.startsWith('/docs')) continue;
      const policy = file.headers.get('content-security-policy') ?? '';
      expect(policy, path).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy, path).not.toMatch(/unsafe|https?:|\*/);
      expect(file.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(await (await get('/docs/start.ts')).text()).not.toContain('declare const');
    expect((await get('/docs/start.ts')).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  test.each(['/docs/', '/docs/package.json', '/docs/..%2fpackage.json', '/docs/index.html', '/docs/a/b'])(
    '%s is 404',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );
});

test('every operation answers as the document says', async () => {
  const client = stack.client(token);
  const authorization = { authorization: `Bearer ${token}` };
  const { run, thread, project } = await client.startRun({ input: 'Look around.' });
  await client.getRun(run.id);
  const { streamUrl } = await client.createTicket(run.id);
  const viewer = await connect(streamUrl, {});
  await (await startWork(stack, run)).finish('answered');
  for (let frame = await viewer.next(); frame; frame = await viewer.next());
  const revoked = await fetch(`${stack.url}/v1/runs/${run.id}/tickets`, {
    method: 'DELETE',
    headers: authorization,
  });
  expect(revoked.status).toBe(204);
  await client.cancel(run.id);
  const deploying = await client.startRun({ input: 'Deploy.' });
  const { approval } = await (await startWork(stack, deploying.run)).ask('May I?');
  await client.approve(deploying.run.id, approval.id, { approved: true });
  await client.steer(deploying.run.id, 'Slowly.');

  const chat = await connect(`${stack.url}/v1/chat`, {
    token,
    body: { id: 'a-chat', messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'Hello!' }] }] },
  });
  expect(chat.status).toBe(200);
  chat.close();
  (await connect(`${stack.url}/v1/chat/a-chat/stream`, { token })).close();
  const stopped = await fetch(`${stack.url}/v1/chat/a-chat/stop`, { method: 'POST', headers: authorization });
  expect(stopped.status).toBe(200);

  await client.threads.create({ externalId: 'by-hand', metadata: { a: [1, { b: null }] } });
  await client.threads.list({ search: 'hello', archived: false });
  await client.threads.read('by-hand');
  await client.threads.rename('by-hand', 'By hand');
  await client.messages(thread.id, { limit: 1 });
  await client.threads.runs(thread.id);
  await client.threads.delete('by-hand');

  const made = await client.projects.create({ name: 'One' });
  await client.projects.list({ limit: 1 });
  await client.projects.read(made.project.id);
  await client.projects.rename(made.project.id, 'Two');
  await client.projects.delete(made.project.id);

  const { signal } = new AbortController();
  const sandboxes = createSandboxes({
    apiUrl: host.url,
    apiKey: host.apiKey,
    records: createSandboxRecords(stack.sql, { maxRunningPerAccount: 10 }),
  });
  const sandbox = await sandboxes.open({ projectId: project.id, sandboxId: null, signal });
  await sandbox.writeFile({ path: 'notes.json', bytes: Buffer.from('{}'), signal });
  await sandboxes.close();
  expect((await client.files.list(project.id)).entries).toMatchObject([{ path: 'notes.json' }]);
  await client.readFile(project.id, 'notes.json');
  await client.files.write(project.id, 'more.txt', 'x');
  await client.files.remove(project.id, 'more.txt');
  await client.files.port(project.id, 3000);
  const { file } = await client.files.upload({ name: 'a.txt', content: 'a' });
  expect((await get(file.url, authorization)).status).toBe(302);

  await client.me();
  await client.models();
  for (const path of [
    '/v1/config',
    '/livez',
    '/openapi.json',
    '/docs',
    '/docs/start.ts',
    '/',
    '/page/main.ts',
  ]) {
    expect((await get(path)).status, path).toBe(200);
  }
  await stack.answers.expectDocumented();
  expect([...stack.answers.succeeded].sort()).toEqual(
    operations.map(({ method, path }) => `${method} ${templateOf(path)}`).sort(),
  );
});
