import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { watchAnswers } from './watch-answers.ts';

const problem = {
  description: 'What went wrong.',
  content: {
    'application/problem+json': {
      schema: {
        allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: ['not_found'] } } }],
      },
    },
  },
};
const document = {
  openapi: '3.1.1',
  info: { title: 'Birds', version: '1' },
  paths: {
    '/openapi.json': { get: { responses: { 200: { content: { 'application/json': { schema: {} } } } } } },
    '/birds/{id}': {
      get: {
        responses: {
          200: {
            headers: { 'X-Nest': { $ref: '#/components/headers/X-Nest' } },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Bird' } } },
          },
          404: problem,
        },
      },
      delete: { responses: { 204: {}, 404: problem } },
    },
    '/songs/{id}': {
      get: { responses: { 200: { content: { 'text/event-stream': { schema: { type: 'string' } } } } } },
    },
  },
  components: {
    headers: { 'X-Nest': { required: true, schema: { type: 'string' } } },
    schemas: {
      Bird: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          seenAt: { type: 'string', format: 'date-time' },
          mate: { anyOf: [{ $ref: '#/components/schemas/Bird' }, { type: 'null' }] },
          free: { type: 'object', additionalProperties: {} },
        },
        required: ['name'],
      },
      Problem: {
        type: 'object',
        properties: { code: { type: 'string' }, detail: { type: 'string' } },
        required: ['code', 'detail'],
      },
    },
  },
};

interface Planted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const json = { 'content-type': 'application/json', 'x-nest': 'high' };
const asProblem = { 'content-type': 'application/problem+json' };

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Answers everything but the document with what is planted. */
async function serve({ status = 200, headers = json, body }: Planted): Promise<string> {
  server = createServer((incoming, response) => {
    if (incoming.url === '/openapi.json') {
      response.writeHead(200, json).end(JSON.stringify(document));
      return;
    }
    response.writeHead(status, headers);
    response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('answers that are as the document says', () => {
  test.each<[string, string, string, Planted]>([
    [
      'a body',
      'GET',
      '/birds/1',
      { body: { name: 'Tit', mate: { name: 'Great tit' }, free: { a: { b: 1 } } } },
    ],
    [
      'a body to a query',
      'GET',
      '/birds/1?a=b',
      { body: { name: 'Tit', seenAt: '2026-11-25T04:00:00.000Z' } },
    ],
    ['no body', 'DELETE', '/birds/1', { status: 204, headers: {} }],
    [
      'a problem',
      'GET',
      '/birds/1',
      { status: 404, headers: asProblem, body: { code: 'not_found', detail: 'a' } },
    ],
    [
      'no such route',
      'GET',
      '/fish',
      { status: 404, headers: asProblem, body: { code: 'not_found', detail: 'a' } },
    ],
    [
      'no such method',
      'PUT',
      '/birds/1',
      { status: 405, headers: asProblem, body: { code: 'x', detail: 'a' } },
    ],
    ['a head', 'HEAD', '/birds/1', {}],
    ['a preflight', 'OPTIONS', '/birds/1', { status: 204, headers: {} }],
  ])('pass: %s', async (_name, method, path, planted) => {
    const url = await serve(planted);
    const watched = await watchAnswers(url);
    await (await fetch(`${url}${path}`, { method })).text();
    await expect(watched.expectDocumented()).resolves.toBeUndefined();
  });

  test('are counted by operation, failures are not', async () => {
    const url = await serve({ body: { name: 'Tit' } });
    const watched = await watchAnswers(url);
    for (const id of [1, 2]) await fetch(`${url}/birds/${id}`);
    await watched.expectDocumented();
    expect([...watched.succeeded]).toEqual(['GET /birds/{id}']);
  });
});

describe('a fault that is planted is found', () => {
  test.each<[string, Planted, RegExp, string?, string?]>([
    ['a status', { status: 418, body: { name: 'a' } }, /GET \/birds\/\{id\}: the status 418/],
    ['a route', { status: 200, body: {} }, /GET \/fish: the status 200/, 'GET', '/fish'],
    ['a member too many', { body: { name: 'a', colour: 'red' } }, /additional.*colour/],
    [
      'one further down',
      { body: { name: 'a', mate: { name: 'b', x: 1 } } },
      /\/mate must NOT have additional/,
    ],
    ['a member too few', { body: {} }, /required.*name/],
    ['a wrong type', { body: { name: 7 } }, /\/name must be string/],
    ['a time that is none', { body: { name: 'a', seenAt: 'noon' } }, /date-time/],
    ['no JSON', { body: '{"name": "a"' }, /no JSON/],
    [
      'another media type',
      { headers: { ...json, 'content-type': 'text/html' }, body: 'a' },
      /media type text\/html/,
    ],
    [
      'no promised header',
      { headers: { 'content-type': 'application/json' }, body: { name: 'a' } },
      /X-Nest/,
    ],
    ['a body where none belongs', { status: 204, headers: json }, /a body of application\/json/, 'DELETE'],
    [
      'an unknown code',
      { status: 404, headers: asProblem, body: { code: 'gone', detail: 'a' } },
      /allowed values/,
    ],
    [
      'a member too many in a problem',
      { status: 404, headers: asProblem, body: { code: 'not_found', detail: 'a', stack: 'at …' } },
      /additional.*stack/,
    ],
    [
      'a refusal elsewhere that is no problem document',
      { status: 404, headers: json, body: {} },
      /media type application\/json/,
      'GET',
      '/fish',
    ],
  ])('%s', async (_name, planted, fault, method = 'GET', path = '/birds/1') => {
    const url = await serve(planted);
    const watched = await watchAnswers(url);
    await (await fetch(`${url}${path}`, { method })).text();
    await expect(watched.expectDocumented()).rejects.toThrow(fault);
  });

  test('also when nobody reads the body', async () => {
    const url = await serve({ body: { name: 7 } });
    const watched = await watchAnswers(url);
    const response = await fetch(`${url}/birds/1`);
    await response.body?.cancel();
    await expect(watched.expectDocumented()).rejects.toThrow(/must be string/);
  });

  test('by node:http, as far as the head shows it', async () => {
    const url = await serve({
      status: 500,
      headers: { 'content-type': 'text/event-stream' },
      body: 'data: x\n\n',
    });
    const watched = await watchAnswers(url);
    const call = request(`${url}/songs/1?ticket=x`, { agent: false }).end();
    const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, 'end');
    await expect(watched.expectDocumented()).rejects.toThrow(/GET \/songs\/\{id\}: the status 500/);
  });
});
