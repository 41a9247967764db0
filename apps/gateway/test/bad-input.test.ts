import { connect as connectSocket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { problemOf, watchRefusals } from './refusals.ts';

const refusals = watchRefusals();
const { send, post } = refusals;

function change(path: string, body: unknown): Promise<Response> {
  return send(path, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
}

function upload(fields: Readonly<Record<string, string | Blob>>): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return send('/v1/files', { method: 'POST', body: form });
}

describe('the address', () => {
  test('an unknown route is 404', async () => {
    expect(await problemOf(await send('/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await problemOf(await fetch(`${refusals.stack.url}/nothing`))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  });

  test.each([
    ['DELETE', '/v1/runs', 'POST, OPTIONS'],
    ['PUT', '/v1/threads', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/v1/me', 'GET, HEAD, OPTIONS'],
    ['POST', '/livez', 'GET, HEAD, OPTIONS'],
    ['GET', `/v1/runs/${randomUUID()}/cancel`, 'POST, OPTIONS'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const response = await send(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  test('a HEAD of a stream is 405 and not a connection that never ends', async () => {
    const response = await send(`/v1/runs/${randomUUID()}/stream`, { method: 'HEAD' });
    expect(response.status).toBe(405);
  });

  test.each(['\\', 'GET http://[ HTTP/1.1', 'GET / HTTP/1.1\r\nHost: a b'])(
    'a request line or Host that is none (%j) is refused',
    async (head) => {
      const socket = connectSocket(Number(new URL(refusals.stack.url).port), '127.0.0.1');
      let answer = '';
      socket.on('data', (piece) => (answer += piece.toString()));
      socket.write(`${head}\r\n\r\n`);
      socket.setTimeout(5000, () => socket.destroy());
      await once(socket, 'close').catch(() => undefined);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    },
  );
});

describe('ids', () => {
  const unknown = randomUUID();
  test.each([
    ['GET', `/v1/runs/${unknown}`],
    ['GET', '/v1/runs/not-an-id'],
    ['GET', '/v1/runs/%F0%9F%92%A9'],
    ['GET', `/v1/runs/${unknown}/stream`],
    ['POST', `/v1/runs/${unknown}/cancel`],
    ['POST', `/v1/runs/${unknown}/messages`, { text: 'Stop.' }],
    ['POST', `/v1/runs/${unknown}/approvals/${unknown}`, { approved: true }],
    ['GET', `/v1/threads/${unknown}`],
    ['GET', '/v1/threads/no-such-name'],
    ['GET', `/v1/threads/${unknown}/messages`],
    ['GET', `/v1/threads/${unknown}/runs`],
    ['GET', `/v1/projects/${unknown}`],
    ['GET', `/v1/projects/${unknown}/files/content?path=a`],
    ['GET', `/v1/projects/${unknown}/files?path=a`],
    ['DELETE', `/v1/threads/${unknown}`],
    ['DELETE', '/v1/threads/no-such-name'],
    ['DELETE', `/v1/projects/${unknown}`],
    ['DELETE', '/v1/projects/not-an-id'],
    ['GET', `/v1/files/${unknown}`],
    ['GET', '/v1/files/not-an-id'],
  ])('that are unknown are 404: %s %s', async (method, path, body?: object) => {
    const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    expect(await problemOf(await send(path, { method, ...sent }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  });

  test.each([
    ['GET', '/v1/runs/%00'],
    ['GET', `/v1/runs/${unknown}%00`],
    ['GET', '/v1/runs/a%00b/stream'],
    ['GET', '/v1/threads/%00x%FF%2500'],
    ['GET', '/v1/runs/%00/stream?ticket=x'],
    ['POST', '/v1/runs/%00/cancel'],
    ['POST', '/v1/runs/%00/tickets'],
    ['DELETE', '/v1/runs/%00/tickets'],
    ['POST', '/v1/runs/%00/messages', { text: 'Stop.' }],
    ['POST', `/v1/runs/${unknown}/approvals/%00`, { approved: true }],
    ['GET', '/v1/threads/%00'],
    ['PATCH', '/v1/threads/%00', { title: 'a' }],
    ['DELETE', '/v1/threads/%00'],
    ['GET', '/v1/threads/%00/messages'],
    ['GET', '/v1/threads/%00/runs'],
    ['GET', '/v1/chat/%00/stream'],
    ['POST', '/v1/chat/%00/stop'],
    ['GET', '/v1/projects/%00'],
    ['DELETE', '/v1/projects/%00'],
    ['GET', '/v1/projects/%00/files?path=a'],
    ['GET', '/v1/files/%00'],
  ])('that have a NUL are 404: %s %s', async (method, path, body?: object) => {
    const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const authorization = path.includes('ticket') ? '' : `Bearer ${refusals.token}`;
    const response = await send(path, { method, ...sent, headers: { authorization, ...sent?.headers } });
    expect(await problemOf(response)).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('that are unknown are 404 for a change too', async () => {
    for (const [path, body] of [
      [`/v1/threads/${unknown}`, { title: 'a' }],
      ['/v1/threads/no-such-name', { archived: true }],
      [`/v1/projects/${unknown}`, { name: 'a' }],
    ] as const) {
      expect(await problemOf(await change(path, body))).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect(await problemOf(await upload({ file: new Blob(['a']), projectId: unknown }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  });

  test('of another person are 404, in every place', async () => {
    const other = refusals.stack.client(refusals.stack.signIn().token);
    const { run, thread, project } = await other.startRun({ input: 'Mine alone.' });
    await refusals.recount();
    for (const path of [
      `/v1/runs/${run.id}`,
      `/v1/runs/${run.id}/stream`,
      `/v1/threads/${thread.id}`,
      `/v1/threads/${thread.id}/messages`,
      `/v1/threads/${thread.id}/runs`,
      `/v1/projects/${project.id}`,
      `/v1/projects/${project.id}/files`,
      `/v1/projects/${project.id}/files/content?path=a`,
    ]) {
      expect(await problemOf(await send(path))).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect(await problemOf(await post(`/v1/runs/${run.id}/cancel`, ''))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    for (const path of [`/v1/threads/${thread.id}`, `/v1/projects/${project.id}`]) {
      const body = path.includes('threads') ? { title: 'mine' } : { name: 'mine' };
      for (const response of [await change(path, body), await send(path, { method: 'DELETE' })]) {
        expect(await problemOf(response)).toMatchObject({ status: 404, code: 'not_found' });
      }
    }
    for (const body of [{ threadId: thread.id }, { projectId: project.id }]) {
      const response = await post('/v1/runs', JSON.stringify({ input: 'a', ...body }));
      expect(await problemOf(response)).toMatchObject({ status: 404, code: 'not_found' });
    }
    const response = await post('/v1/threads', JSON.stringify({ projectId: project.id }));
    expect(await problemOf(response)).toMatchObject({ status: 404, code: 'not_found' });
    expect((await other.getRun(run.id)).run.status).toBe('queued');
  });
});

describe('queries', () => {
  test.each(['waitMs=-1', 'waitMs=60001', 'waitMs=soon', 'waitMs=1.5'])('%s is 400', async (query) => {
    expect(await problemOf(await send(`/v1/runs/${randomUUID()}?${query}`))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: ['/waitMs'],
    });
  });

  test.each([
    'archived=yes',
    'archived=',
    'archived=1',
    'search=%00',
    `search=${'x'.repeat(201)}`,
    'limit=1e9',
    'limit=-1',
  ])('of the list of threads: %s is 400', async (query) => {
    expect(await problemOf(await send(`/v1/threads?${query}`))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: [`/${query.split('=')[0]}`],
    });
  });

  test.each(['limit=0', 'limit=201', 'limit=all', 'before=%00', 'before='])(
    'of a list: %s is 400',
    async (query) => {
      expect(await problemOf(await send(`/v1/threads?${query}`))).toMatchObject({
        status: 400,
        code: 'invalid_request',
      });
    },
  );

  test.each(['before=x', 'before=MjAyNg'])('a cursor that no page gave (%s) is 400', async (query) => {
    for (const list of ['threads', 'projects']) {
      expect(await problemOf(await send(`/v1/${list}?${query}`))).toMatchObject({
        status: 400,
        code: 'invalid_request',
      });
    }
  });
});

describe('the path of a workspace file', () => {
  test('that leaves the workspace or is none is 400 invalid_path', async () => {
    const created = await post('/v1/projects', '{}');
    const { project } = (await created.json()) as { project: { id: string } };
    await refusals.recount();
    for (const path of [
      '../etc/passwd',
      '/etc/passwd',
      'a/../../b',
      '',
      '.',
      '/workspace',
      'a%00b',
      'a%0Ab',
      '/workspace/../x',
      'x'.repeat(5000),
    ]) {
      expect(
        await problemOf(await send(`/v1/projects/${project.id}/files/content?path=${path}`)),
      ).toMatchObject({
        status: 400,
        code: 'invalid_path',
      });
    }
    for (const path of ['../etc', '/etc', 'a/../../b', 'a%00b', '/workspace/../x', 'x'.repeat(5000)]) {
      expect(await problemOf(await send(`/v1/projects/${project.id}/files?path=${path}`))).toMatchObject({
        status: 400,
        code: 'invalid_path',
      });
    }
    const missing = await send(`/v1/projects/${project.id}/files/content?path=report.md`);
    expect(await problemOf(missing)).toMatchObject({ status: 404, code: 'not_found' });
  });
});
