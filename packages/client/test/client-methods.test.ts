import { afterEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../src/index.ts';
import { type Answer, answerJson, type FaultServer, startFaultServer } from './fault-server.ts';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.stop();
});

async function connect(...answers: readonly Answer[]): Promise<Client> {
  server = await startFaultServer(...(answers.length === 0 ? [answerJson({ fine: true })] : answers));
  // With a slash, as people write addresses.
  return createClient({ url: `${server.url}/`, token: 'key' });
}

const nothing: Answer = (response) => {
  response.writeHead(204).end();
};

describe('a method of the client sends its one request', () => {
  test.each<[string, (client: Client) => Promise<unknown>, string, string, unknown?]>([
    [
      'startRun',
      (c) => c.startRun({ input: 'Go.', onBusy: 'queue', ticket: true }),
      'POST',
      '/v1/runs',
      {
        input: 'Go.',
        onBusy: 'queue',
        ticket: true,
      },
    ],
    ['getRun', (c) => c.getRun('r', { waitMs: 10 }), 'GET', '/v1/runs/r?waitMs=10'],
    ['cancel', (c) => c.cancel('r'), 'POST', '/v1/runs/r/cancel'],
    [
      'approve',
      (c) => c.approve('r', 'a/b', { approved: false, reason: 'No.' }),
      'POST',
      '/v1/runs/r/approvals/a%2Fb',
      {
        approved: false,
        reason: 'No.',
      },
    ],
    ['steer', (c) => c.steer('r', 'Left.'), 'POST', '/v1/runs/r/messages', { text: 'Left.' }],
    ['createTicket', (c) => c.createTicket('r'), 'POST', '/v1/runs/r/tickets'],
    ['threads.list', (c) => c.threads.list(), 'GET', '/v1/threads'],
    [
      'threads.list with a search',
      (c) => c.threads.list({ search: 'a b', archived: true, limit: 5 }),
      'GET',
      '/v1/threads?search=a+b&archived=true&limit=5',
    ],
    [
      'threads.create',
      (c) => c.threads.create({ externalId: 'mine' }),
      'POST',
      '/v1/threads',
      { externalId: 'mine' },
    ],
    ['threads.read', (c) => c.threads.read('t'), 'GET', '/v1/threads/t'],
    ['threads.rename', (c) => c.threads.rename('t', 'New'), 'PATCH', '/v1/threads/t', { title: 'New' }],
    ['threads.archive', (c) => c.threads.archive('t'), 'PATCH', '/v1/threads/t', { archived: true }],
    [
      'threads.archive, undone',
      (c) => c.threads.archive('t', false),
      'PATCH',
      '/v1/threads/t',
      { archived: false },
    ],
    [
      'threads.messages',
      (c) => c.threads.messages('t', { before: 'x', limit: 2 }),
      'GET',
      '/v1/threads/t/messages?before=x&limit=2',
    ],
    ['threads.runs', (c) => c.threads.runs('t'), 'GET', '/v1/threads/t/runs'],
    ['projects.list', (c) => c.projects.list({ limit: 1 }), 'GET', '/v1/projects?limit=1'],
    ['projects.create', (c) => c.projects.create({ name: 'P' }), 'POST', '/v1/projects', { name: 'P' }],
    ['projects.read', (c) => c.projects.read('p'), 'GET', '/v1/projects/p'],
    [
      'projects.update',
      (c) => c.projects.update('p', { instructions: null }),
      'PATCH',
      '/v1/projects/p',
      { instructions: null },
    ],
    ['projects.rename', (c) => c.projects.rename('p', 'Q'), 'PATCH', '/v1/projects/p', { name: 'Q' }],
    ['files.list', (c) => c.files.list('p', 'a b'), 'GET', '/v1/projects/p/files?path=a+b'],
    ['models', (c) => c.models(), 'GET', '/v1/models'],
    ['me', (c) => c.me(), 'GET', '/v1/me'],
  ])('%s', async (_, call, method, path, body) => {
    const client = await connect();
    expect(await call(client)).toEqual({ fine: true });
    expect(server?.requests).toMatchObject([{ method, path, token: 'key' }]);
    const [request] = server?.requests ?? [];
    expect(request?.body).toBe(body === undefined ? '' : JSON.stringify(body));
    expect(request?.headers['content-type']).toBe(body === undefined ? undefined : 'application/json');
  });

  test.each<[string, (client: Client) => Promise<void>, string]>([
    ['revokeTickets', (c) => c.revokeTickets('r'), '/v1/runs/r/tickets'],
    ['threads.delete', (c) => c.threads.delete('t'), '/v1/threads/t'],
    ['projects.delete', (c) => c.projects.delete('p'), '/v1/projects/p'],
  ])('%s, which gives nothing back', async (_, call, path) => {
    const client = await connect(nothing);
    expect(await call(client)).toBeUndefined();
    expect(server?.requests).toMatchObject([{ method: 'DELETE', path, body: '' }]);
  });

  test('files.read and files.download give bytes', async () => {
    const client = await connect((response) => {
      response.end(Uint8Array.of(0, 255, 10));
    });
    expect(await client.files.read('p', 'x')).toEqual(Uint8Array.of(0, 255, 10));
    expect(await client.files.download('f')).toEqual(Uint8Array.of(0, 255, 10));
    expect(server?.requests.map(({ path }) => path)).toEqual([
      '/v1/projects/p/files/content?path=x',
      '/v1/files/f',
    ]);
  });
});

describe('files that travel with a request', () => {
  async function formSent(): Promise<FormData> {
    const [request] = server?.requests ?? [];
    return await new Response(request?.body, {
      headers: { 'content-type': request?.headers['content-type'] as string },
    }).formData();
  }

  test('of a run stand in a form, beside its input as text and the rest as JSON', async () => {
    const client = await connect();
    await client.startRun(
      { input: 'Sum it up.', limits: { maxSteps: 3 } },
      {
        files: [
          { name: 'a.csv', content: 'a,b\n', mediaType: 'text/csv' },
          new File(['c'], 'c.txt', { type: 'text/plain' }),
        ],
        idempotencyKey: 'once',
      },
    );
    const form = await formSent();
    expect([form.get('input'), form.get('limits')]).toEqual(['Sum it up.', '{"maxSteps":3}']);
    const files = form.getAll('files') as File[];
    expect(files.map(({ name, type, size }) => ({ name, type, size }))).toEqual([
      { name: 'a.csv', type: 'text/csv', size: 4 },
      { name: 'c.txt', type: 'text/plain', size: 1 },
    ]);
    expect(server?.requests[0]?.headers['idempotency-key']).toBe('once');
  });

  test('are sent again when the token had to be refreshed', async () => {
    server = await startFaultServer(
      (response) => response.writeHead(401).end() as never,
      answerJson({ file: {} }),
    );
    let count = 0;
    const client = createClient({ url: server.url, token: async () => `token-${(count += 1)}` });
    await client.files.upload({ name: 'a.txt', content: 'all of it' }, { projectId: 'p' });
    const [first, second] = server.requests;
    expect(second?.body).toContain('all of it');
    expect(second?.path).toBe(first?.path);
  });
});

describe('what goes wrong', () => {
  test('in the middle of an answer is unreachable', async () => {
    const client = await connect((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"run":', () => response.destroy());
    });
    await expect(client.getRun('r')).rejects.toMatchObject({ code: 'unreachable', status: 0 });
    await expect(client.files.read('p', 'x')).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('on the line is mended by sending again what may be repeated, and nothing else', async () => {
    const cut: Answer = (response) => response.destroy() as never;
    const halfAnswer: Answer = (response) => {
      response.writeHead(202, { 'content-length': '100' });
      response.write('{"run":', () => response.destroy());
    };
    const client = await connect(cut, halfAnswer, answerJson({ run: { id: 'r' } }));
    expect(await client.getRun('r')).toEqual({ run: { id: 'r' } });
    expect(server?.requests).toHaveLength(3);
    await server?.stop();
    const keyed = await connect(halfAnswer, answerJson({ run: { id: 'r' } }));
    await keyed.startRun({ input: 'Sum it up.' }, { idempotencyKey: 'once' });
    const [first, second] = server?.requests ?? [];
    expect([second?.body, second?.headers['idempotency-key']]).toEqual([first?.body, 'once']);
    await server?.stop();
    const plain = await connect(cut, answerJson({ run: { id: 'r' } }));
    await expect(plain.startRun({ input: 'Sum it up.' })).rejects.toMatchObject({ code: 'unreachable' });
    expect(server?.requests).toHaveLength(1);
  });

  test('with a time of day in Retry-After is told in milliseconds', async () => {
    const client = await connect((response) => {
      const time = new Date(Date.now() + 60_000).toUTCString();
      response.writeHead(503, { 'retry-after': time }).end();
    });
    const error = await client.me().catch((caught: unknown) => caught);
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('because the caller left is his own reason', async () => {
    const client = await connect(() => undefined);
    const leaving = client.getRun('r', { signal: AbortSignal.timeout(50) });
    await expect(leaving).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
