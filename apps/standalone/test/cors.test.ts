import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Problem, problemSchema, startRunResponseSchema } from '@switchyard/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { type Stack, startStack } from './stack.ts';

/** Few enough that a test can use them up. */
const writes = 8;
let stack: Stack;
let browser: Browser;
let elsewhere: Server;
/** An empty page of another origin: what a front end on its own port is. */
let page: Page;

beforeAll(async () => {
  elsewhere = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Elsewhere</title>');
  }).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  [stack, browser] = await Promise.all([
    startStack({ RATE_LIMIT_WRITES: String(writes), RATE_LIMIT_WINDOW_S: '600' }),
    openBrowser(),
  ]);
  await stack.setScenario('short', { turns: [{ steps: [{ text: ['Read', ' from', ' elsewhere.'] }] }] });
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
  elsewhere.close();
}, 30_000);

/** What a script of the page could read of an answer; null when the browser kept it from the script. */
type Readable = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} | null;

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function ask(url: string, asked: Asked = {}): Promise<Readable> {
  return await page.evaluate<Readable>(`(async () => {
    const response = await fetch(${JSON.stringify(url)}, ${JSON.stringify(asked)}).catch(() => null);
    return response && {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  })()`);
}

const authorized = () => ({ authorization: `Bearer ${stack.apiKey}` });
const startRun = (body: object, headers: Readonly<Record<string, string>> = {}) =>
  ask(`${stack.gatewayUrl}/v1/runs`, {
    method: 'POST',
    headers: {
      ...authorized(),
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
      ...headers,
    },
    body: JSON.stringify(body),
  });

function problemOf(readable: Readable): Problem {
  expect(readable?.headers['content-type']).toBe('application/problem+json');
  return problemSchema.parse(JSON.parse(readable?.body ?? ''));
}

describe('a front end of another origin, in Chromium', () => {
  it('starts a run after a preflight and reads the headers that it needs', async () => {
    const preflights: string[] = [];
    // Chromium shows them to nobody but the protocol of its developer tools.
    const tools = await page.context().newCDPSession(page);
    await tools.send('Network.enable');
    tools.on('Network.requestWillBeSent', ({ request }) => {
      if (request.method === 'OPTIONS') preflights.push(request.url);
    });
    const answer = await startRun({ input: '[[scenario:short]]' });
    expect(answer?.status).toBe(202);
    const { run } = startRunResponseSchema.parse(JSON.parse(answer?.body ?? ''));
    expect(answer?.headers).toMatchObject({
      location: `/v1/runs/${run.id}`,
      'x-run-id': run.id,
      'x-thread-id': run.threadId,
      ratelimit: expect.stringMatching(/^"writes";r=\d+;t=\d+$/) as unknown,
      'ratelimit-policy': `"writes";q=${writes};w=600`,
      'x-request-id': expect.any(String) as unknown,
    });
    expect(preflights).toEqual([`${stack.gatewayUrl}/v1/runs`]);
  });

  it('reads the stream of a run by fetch, as the answer of the request and again from a cursor', async () => {
    const answer = await startRun({ input: '[[scenario:short]]', stream: true });
    expect(answer?.status).toBe(200);
    expect(answer?.body).toContain(' elsewhere.');
    expect(answer?.body.trimEnd()).toMatch(/data: \[DONE\]$/);
    const again = await ask(`${stack.gatewayUrl}/v1/runs/${answer?.headers['x-run-id']}/stream`, {
      headers: { ...authorized(), 'last-event-id': '1-2' },
    });
    expect(again?.headers['x-thread-id']).toBe(answer?.headers['x-thread-id']);
    expect(again?.body).not.toContain('"type":"start"');
    expect(again?.body).toContain(' elsewhere.');
  });

  it('follows a run by an EventSource with a ticket', async () => {
    const { streamUrl } = await stack.client.startRun({ input: '[[scenario:short]]', ticket: true });
    const data = await page.evaluate<string[]>(`new Promise((resolve, reject) => {
      const data = [];
      const source = new EventSource(${JSON.stringify(streamUrl)});
      source.onerror = () => source.readyState === EventSource.CLOSED && reject(new Error('refused'));
      source.onmessage = (event) => {
        data.push(event.data);
        if (event.data !== '[DONE]') return;
        source.close();
        resolve(data);
      };
    })`);
    expect(JSON.parse(data[0] ?? '')).toMatchObject({ type: 'start' });
    expect(data.join('\n')).toContain(' elsewhere.');
    expect(data.at(-1)).toBe('[DONE]');
  });

  it('reads why it was refused: 400, 401, 404, 405, and for a stream too', async () => {
    const invalid = await startRun({ input: '' });
    expect(invalid?.status).toBe(400);
    expect(problemOf(invalid)).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/input' }] });

    const stranger = { authorization: 'Bearer nobody' };
    for (const path of ['/v1/me', `/v1/runs/${crypto.randomUUID()}/stream`]) {
      const refused = await ask(`${stack.gatewayUrl}${path}`, { headers: stranger });
      expect(refused?.status, path).toBe(401);
      expect(problemOf(refused).code, path).toBe('unauthorized');
    }
    const unknown = await ask(`${stack.gatewayUrl}/v1/runs/${crypto.randomUUID()}/stream`, {
      headers: authorized(),
    });
    expect(problemOf(unknown)).toMatchObject({ code: 'not_found', status: 404 });
    const method = await ask(`${stack.gatewayUrl}/v1/runs`, { method: 'DELETE', headers: authorized() });
    expect(problemOf(method).code).toBe('method_not_allowed');
  });

  it('reads how long to wait when it wrote too often', async () => {
    let refused: Readable = null;
    // Ends because the limit is reached at the latest after as many as there are.
    for (let count = 0; count <= writes && refused?.status !== 429; count += 1) {
      refused = await startRun({ input: '' });
    }
    expect(problemOf(refused)).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused?.headers['ratelimit']).toMatch(/^"writes";r=0;t=\d+$/);
  });
});

describe('a gateway that names its front ends', () => {
  it('is read by them alone', async () => {
    const { origin } = new URL(page.url());
    const other = new URL(origin);
    other.hostname = 'localhost';
    const named = await startStack({ CORS_ORIGINS: `https://app.example,${origin}` });
    try {
      const headers = { authorization: `Bearer ${named.apiKey}` };
      expect((await ask(`${named.gatewayUrl}/v1/me`, { headers }))?.status).toBe(200);
      await page.goto(other.href);
      expect(await ask(`${named.gatewayUrl}/v1/me`, { headers })).toBeNull();
      // Without a preflight the request arrives, but the script reads nothing of its answer.
      expect(await ask(`${named.gatewayUrl}/livez`)).toBeNull();
      // Another loopback origin is no stranger where nobody has named any.
      expect((await ask(`${stack.gatewayUrl}/v1/me`, { headers: authorized() }))?.status).toBe(200);
    } finally {
      await named.stop();
    }
  });
});
