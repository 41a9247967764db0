import { deepEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { problemSchema } from '@switchyard/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startStack, type Stack } from './stack.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack({ DAYTONA_API_URL: 'http://127.0.0.1:9/api', DAYTONA_API_KEY: 'unused' });
  ({ token } = stack.signIn());
  // The account is made at its first sight: what follows must leave nothing else.
  await send('/v1/me');
});
afterAll(() => stack.stop());

/** How many rows there are of everything that a request could leave behind. */
async function countRows(): Promise<unknown> {
  const [row] = await stack.sql`
    select (select count(*) from accounts) accounts, (select count(*) from projects) projects,
      (select count(*) from threads) threads, (select count(*) from messages) messages,
      (select count(*) from parts) parts, (select count(*) from runs) runs, (select count(*) from files) files`;
  return row;
}
let before: unknown;
beforeEach(async () => {
  before = await countRows();
});
afterEach(async () => {
  deepEqual(await countRows(), before, 'The request left rows behind.');
});

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) };
  return await fetch(`${stack.url}${path}`, { ...init, headers });
}

function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType = 'application/json',
): Promise<Response> {
  return send(path, { method: 'POST', body, headers: { 'content-type': contentType } });
}

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

/** What a problem document says, after a look at what all of them have in common. */
async function problemOf(
  response: Response,
): Promise<{ readonly status: number; readonly code: string; readonly pointers: readonly string[] }> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const { type, status, code, detail, requestId, errors = [] } = problemSchema.parse(await response.json());
  expect({ type, status, requestId }).toEqual({
    type: `urn:switchyard:problem:${code}`,
    status: response.status,
    requestId: response.headers.get('x-request-id'),
  });
  expect(detail).toMatch(/\S/);
  return { status, code, pointers: errors.map(({ pointer }) => pointer) };
}

describe('the address', () => {
  test('an unknown route is 404', async () => {
    expect(await problemOf(await send('/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
    expect(await problemOf(await fetch(`${stack.url}/nothing`))).toMatchObject({
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
      const socket = connectSocket(Number(new URL(stack.url).port), '127.0.0.1');
      let answer = '';
      socket.on('data', (piece) => (answer += piece.toString()));
      socket.write(`${head}\r\n\r\n`);
      socket.setTimeout(5000, () => socket.destroy());
      await once(socket, 'close').catch(() => undefined);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    },
  );
});

describe('the body of POST /v1/runs', () => {
  test.each(['{"input": ', '', '{"input": "a"} b', '\u0000', '{"input": "\\x"}'])(
    '%j is no JSON',
    async (body) => {
      expect(await problemOf(await post('/v1/runs', body))).toMatchObject({
        status: 400,
        code: 'invalid_request',
        pointers: [''],
      });
    },
  );

  test('bytes that are no UTF-8 are no JSON', async () => {
    const bytes = new Uint8Array([...Buffer.from('{"input": "'), 0xff, 0xfe, ...Buffer.from('"}')]);
    expect(await problemOf(await post('/v1/runs', bytes))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: [''],
    });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', ''])(
    'of type %j is 415',
    async (contentType) => {
      expect(await problemOf(await post('/v1/runs', '{"input": "a"}', contentType))).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
      });
    },
  );

  test('that is compressed is 415', async () => {
    const response = await send('/v1/runs', {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    });
    expect(await problemOf(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('above 1 MiB is 413, by its declared length', async () => {
    const response = await post('/v1/runs', JSON.stringify({ input: 'x'.repeat(1024 * 1024) }));
    expect(await problemOf(response)).toMatchObject({ status: 413, code: 'payload_too_large' });
  });

  test('above 1 MiB is 413 while it is read, when its length is not declared', async () => {
    const socket = connectSocket(Number(new URL(stack.url).port), '127.0.0.1');
    let answer = '';
    const answered = new Promise<void>((resolve) => {
      socket.on('data', (piece) => {
        answer += piece.toString();
        if (answer.includes('requestId')) resolve();
      });
      socket.on('close', () => resolve());
    });
    socket.write(
      `POST /v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    // The body never says that it ends: the answer must come all the same.
    const piece = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < 20; sent += 1) socket.write(piece);
    await answered;
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"payload_too_large"');
  });

  test.each<[string, unknown, string[]]>([
    ['an unknown field', { input: 'a', inptu: 'b' }, ['/inptu']],
    ['an unknown field further down', { input: 'a', limits: { steps: 3 } }, ['/limits/steps']],
    ['an unknown field in a part', { input: [{ type: 'text', text: 'a', style: 1 }] }, ['/input/0/style']],
    ['no input', {}, ['/input']],
    ['an empty input', { input: '' }, ['/input']],
    ['an input of spaces', { input: ' \n\t ' }, ['/input']],
    ['no parts', { input: [] }, ['/input']],
    ['parts without content', { input: [{ type: 'text', text: '  ' }] }, ['/input']],
    ['a number for an input', { input: 7 }, ['/input']],
    ['a part of an unknown kind', { input: [{ type: 'tool-shell', text: 'a' }] }, ['/input/0/type']],
    ['an array', [], ['']],
    ['null', null, ['']],
    ['NUL', { input: 'a\u0000b' }, ['/input']],
    ['a lone surrogate', { input: 'a\ud800b' }, ['/input']],
    ['NUL in a part', { input: [{ type: 'text', text: '\u0000' }] }, ['/input/0/text']],
    ['NUL in the instructions', { input: 'a', instructions: '\u0000' }, ['/instructions']],
    ['a thread id with a space', { input: 'a', threadId: 'a b' }, ['/threadId']],
    ['a project id that is none', { input: 'a', projectId: 'x' }, ['/projectId']],
    ['no steps', { input: 'a', limits: { maxSteps: 0 } }, ['/limits/maxSteps']],
    ['more steps than anybody gets', { input: 'a', limits: { maxSteps: 1001 } }, ['/limits/maxSteps']],
    [
      'more time and money than anybody gets',
      { input: 'a', limits: { maxDurationMs: 1e12, maxCostUsd: 1e6 } },
      ['/limits/maxDurationMs', '/limits/maxCostUsd'],
    ],
    ['several faults at once', { input: '', stream: 'yes', x: 1 }, ['/input', '/stream', '/x']],
    [
      "a file that is nobody's",
      { input: [{ type: 'file', url: 'https://example.com/a', mediaType: 'a/b' }] },
      ['/input/0/url'],
    ],
  ])('with %s is 400 and points at it', async (_name, body, pointers) => {
    expect(await problemOf(await post('/v1/runs', JSON.stringify(body)))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers,
    });
  });

  test('nested beyond reason is 400', async () => {
    const depth = 100_000;
    expect(
      await problemOf(await post('/v1/runs', `{"input": ${'['.repeat(depth)}${']'.repeat(depth)}}`)),
    ).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    const metadata = `{"metadata": {"a": ${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    expect(await problemOf(await post('/v1/threads', metadata))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  test('with an unknown model is 400 and names the known ones', async () => {
    const response = await post('/v1/runs', JSON.stringify({ input: 'a', model: 'gpt-99' }));
    expect(await response.clone().text()).toContain('scripted:demo');
    expect(await problemOf(response)).toMatchObject({
      status: 400,
      code: 'unknown_model',
      pointers: ['/model'],
    });
  });

  test.each(['', 'a b', 'x'.repeat(256), 'ü'])('with the Idempotency-Key %j is 400', async (key) => {
    const response = await send('/v1/runs', {
      method: 'POST',
      body: '{"input": "a"}',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
    });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    ['a boundary that never comes', 'multipart/form-data; boundary=b', 'x'],
    [
      'an end that never comes',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="input"\r\n\r\nhello',
    ],
  ])('as multipart with %s is 400', async (_name, contentType, body) => {
    expect(await problemOf(await post('/v1/runs', body, contentType))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  test('as multipart takes no fields that are unknown, sent twice, or files elsewhere', async () => {
    const form = new FormData();
    form.append('input', 'a');
    form.append('input', 'b');
    form.append('picture', new Blob(['x']), 'x.png');
    const response = await send('/v1/runs', { method: 'POST', body: form });
    expect(await problemOf(response)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: ['/input', '/picture'],
    });
    const unknown = new FormData();
    unknown.append('input', 'a');
    unknown.append('colour', 'red');
    const refused = await send('/v1/runs', { method: 'POST', body: unknown });
    expect(await problemOf(refused)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: ['/colour'],
    });
  });

  test('as multipart points at a field by its name, escaped and cut', async () => {
    const form = new FormData();
    for (const name of ['a/b~c', 'n'.repeat(5000)]) for (const value of ['1', '2']) form.append(name, value);
    const response = await send('/v1/runs', { method: 'POST', body: form });
    expect(await problemOf(response)).toMatchObject({ pointers: ['/a~1b~0c', `/${'n'.repeat(100)}`] });
  });

  test('as multipart has no more parts than anybody needs, and short heads: it is not parsed otherwise', async () => {
    const part = (head: string) => `--b\r\nContent-Disposition: form-data; name="a"${head}\r\n\r\n\r\n`;
    for (const parts of [part('').repeat(50), part('\r\nX-Y: z'.repeat(3000)), part('; x=y'.repeat(5000))]) {
      for (const path of ['/v1/runs', '/v1/files']) {
        const response = await post(path, `${parts}--b--\r\n`, 'multipart/form-data; boundary=b');
        expect(await problemOf(response)).toMatchObject({ status: 400, pointers: [''] });
      }
    }
  });

  test('as multipart above the limit is 413', async () => {
    const form = new FormData();
    form.append('input', 'a');
    form.append('files', new Blob([new Uint8Array(33 * 1024 * 1024)]), 'big.bin');
    expect(await problemOf(await send('/v1/runs', { method: 'POST', body: form }))).toMatchObject({
      status: 413,
      code: 'payload_too_large',
    });
  });

  test('with files for a thread that is not there leaves no file', async () => {
    const form = new FormData();
    form.append('input', 'a');
    form.append('threadId', 'unknown-thread');
    form.append('files', new Blob(['a,b']), 'a.csv');
    expect(await problemOf(await send('/v1/runs', { method: 'POST', body: form }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  });
});

test('the body of POST /v1/chat has no more values than a long history has: it is not parsed otherwise', async () => {
  const bodyOf = (value: string) => `{"messages":[${`${value},`.repeat(600_000)}{"role":"user","parts":[]}]}`;
  for (const value of ['[]', '{}', '"]"', '1', '"\\","']) {
    expect(await problemOf(await post('/v1/chat', bodyOf(value)))).toMatchObject({
      status: 413,
      code: 'payload_too_large',
    });
  }
  // What stands in a text is no value.
  const text = JSON.stringify('[{,"\\'.repeat(200_000));
  const body = `{"messages":[${text},{"role":"user","parts":[]}]}`;
  expect(await problemOf(await post('/v1/chat', body))).toMatchObject({ pointers: ['/messages/1/parts'] });
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
    const authorization = path.includes('ticket') ? '' : `Bearer ${token}`;
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
    const other = stack.client(stack.signIn().token);
    const { run, thread, project } = await other.startRun({ input: 'Mine alone.' });
    before = await countRows();
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
    before = await countRows();
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

describe('the body of a change', () => {
  test('is checked as strictly, and changes nothing when it is refused', async () => {
    const created = await post(
      '/v1/threads',
      JSON.stringify({ externalId: 'unchanged', title: 'as it was' }),
    );
    const { thread } = (await created.json()) as { thread: { id: string; projectId: string } };
    before = await countRows();
    const paths = { threads: `/v1/threads/${thread.id}`, projects: `/v1/projects/${thread.projectId}` };
    const cases: [keyof typeof paths, unknown, string[]][] = [
      ['threads', { title: 'a\u0000' }, ['/title']],
      ['threads', { title: 'x'.repeat(501) }, ['/title']],
      ['threads', { archived: 'yes' }, ['/archived']],
      ['threads', { archived: null }, ['/archived']],
      ['threads', { metadata: [] }, ['/metadata']],
      ['threads', { metadata: { a: 'x'.repeat(20_000) } }, ['/metadata']],
      ['threads', { externalId: 'other' }, ['/externalId']],
      ['threads', { projectId: randomUUID() }, ['/projectId']],
      ['threads', [], ['']],
      ['projects', { name: ' ' }, ['/name']],
      ['projects', { name: null }, ['/name']],
      ['projects', {}, ['/name']],
      ['projects', { name: 'a', accountId: randomUUID() }, ['/accountId']],
    ];
    for (const [route, body, pointers] of cases) {
      expect(await problemOf(await change(paths[route], body))).toMatchObject({
        status: 400,
        code: 'invalid_request',
        pointers,
      });
    }
    const wrongType = await send(paths.threads, {
      method: 'PATCH',
      body: 'title=x',
      headers: { 'content-type': 'text/plain' },
    });
    expect(await problemOf(wrongType)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    expect(await (await send(paths.threads)).json()).toEqual({ thread });
  });
});

describe('the body of POST /v1/files', () => {
  const file = new Blob(['a,b']);
  test.each<[string, Record<string, string | Blob>, string]>([
    ['no file', {}, '/file'],
    ['a file in another field', { files: file }, '/files'],
    ['text for a file', { file: 'a,b' }, '/file'],
    ['an unknown field', { file, colour: 'red' }, '/colour'],
    ['a project id that is none', { file, projectId: 'x' }, '/projectId'],
  ])('with %s is 400 and points at it', async (_name, fields, pointer) => {
    expect(await problemOf(await upload(fields))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers: [pointer],
    });
  });

  test('with two files is 400', async () => {
    const form = new FormData();
    form.append('file', file, 'a');
    form.append('file', file, 'b');
    expect(await problemOf(await send('/v1/files', { method: 'POST', body: form }))).toMatchObject({
      status: 400,
      pointers: ['/file'],
    });
  });

  test('that is none of multipart is 415', async () => {
    for (const type of ['application/json', 'application/octet-stream', '']) {
      expect(await problemOf(await post('/v1/files', '{}', type))).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
      });
    }
  });

  test('above the limit is 413', async () => {
    const response = await upload({ file: new Blob([new Uint8Array(33 * 1024 * 1024)]) });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: 'payload_too_large' });
  });
});

test('the body of POST /v1/threads and /v1/projects is checked as strictly', async () => {
  const cases: [string, unknown, string[]][] = [
    ['threads', { externalId: 'a b' }, ['/externalId']],
    ['threads', { title: 'a\u0000' }, ['/title']],
    ['threads', { metadata: { a: { b: ['\ud800'] } } }, ['/metadata']],
    ['threads', { metadata: { a: 'x'.repeat(20_000) } }, ['/metadata']],
    ['threads', { name: 'x' }, ['/name']],
    ['projects', { name: '' }, ['/name']],
    ['projects', { title: 'x' }, ['/title']],
  ];
  for (const [route, body, pointers] of cases) {
    expect(await problemOf(await post(`/v1/${route}`, JSON.stringify(body)))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      pointers,
    });
  }
});
