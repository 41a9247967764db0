import { connect as connectSocket } from 'node:net';
import { randomUUID } from 'node:crypto';
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
    const socket = connectSocket(Number(new URL(refusals.stack.url).port), '127.0.0.1');
    let answer = '';
    const answered = new Promise<void>((resolve) => {
      socket.on('data', (piece) => {
        answer += piece.toString();
        if (answer.includes('requestId')) resolve();
      });
      socket.on('close', () => resolve());
    });
    socket.write(
      `POST /v1/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${refusals.token}\r\n` +
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
      'more time and tokens than anybody gets',
      { input: 'a', limits: { maxDurationMs: 1e12, maxTokens: 1e9 } },
      ['/limits/maxDurationMs', '/limits/maxTokens'],
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

  // The second is known, but nobody has connected its provider here: what is connected is what is allowed.
  test.each(['gpt-99', 'openai:gpt-5'])(
    'with the model %s is 400 and names the known ones',
    async (model) => {
      const response = await post('/v1/runs', JSON.stringify({ input: 'a', model }));
      expect(await response.clone().text()).toContain('scripted:demo');
      expect(await problemOf(response)).toMatchObject({
        status: 400,
        code: 'unknown_model',
        pointers: ['/model'],
      });
    },
  );

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

describe('the body of a change', () => {
  test('is checked as strictly, and changes nothing when it is refused', async () => {
    const created = await post(
      '/v1/threads',
      JSON.stringify({ externalId: 'unchanged', title: 'as it was' }),
    );
    const { thread } = (await created.json()) as { thread: { id: string; projectId: string } };
    await refusals.recount();
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
      ['projects', { instructions: 'a\u0000' }, ['/instructions']],
      ['projects', { instructions: 'x'.repeat(20_001) }, ['/instructions']],
      ['projects', { instructions: 7 }, ['/instructions']],
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
