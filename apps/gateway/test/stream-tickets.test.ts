import { type Run, startRunResponseSchema, ticketResponseSchema } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readToEnd } from './chat.ts';
import { startStack, type Stack } from './stack.ts';
import { connect, fold } from './viewer.ts';
import { startWork } from './worker.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack({ RUN_GRACE_MS: '3000' });
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

const newRun = async () => (await stack.client(token).startRun({ input: 'Do it.' })).run;

async function call(method: string, path: string, options: { as?: string | null; body?: unknown } = {}) {
  const { as = token, body } = options;
  const response = await fetch(`${stack.url}${path}`, {
    method,
    headers: {
      ...(as === null ? {} : { authorization: `Bearer ${as}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

async function newTicket(run: Run) {
  const { status, text } = await call('POST', `/v1/runs/${run.id}/tickets`);
  expect(status).toBe(201);
  return ticketResponseSchema.parse(JSON.parse(text));
}

describe('a ticket', () => {
  test('lets its holder follow the run without a token, from before its start to after its end', async () => {
    const run = await newRun();
    const { ticket, streamUrl, expiresAt } = await newTicket(run);
    expect(streamUrl).toBe(`${stack.url}/v1/runs/${run.id}/stream?ticket=${ticket}`);
    expect(expiresAt).toBeNull();
    const early = await connect(streamUrl, {});
    const work = await startWork(stack, run);
    await work.step('It is being done.');
    const late = await connect(streamUrl, {});
    const ended = await work.finish('finished');
    const { messages } = await stack.client(token).messages(run.threadId);
    for (const connection of [early, late, await connect(streamUrl, {})]) {
      expect(await fold(await readToEnd(connection))).toEqual(messages.at(-1));
    }
    // As EventSource comes back: with its last id, and stopped by 204 alone.
    expect((await connect(streamUrl, { lastEventId: ended.lastEventId })).status).toBe(204);
    const rejoined = await connect(streamUrl, { lastEventId: '1-5' });
    expect((await rejoined.next())?.id).toBe('1-6');

    const afterwards = await newTicket(run);
    expect(Date.parse(afterwards.expiresAt ?? '')).toBe(Date.parse(ended.endedAt ?? '') + 3000);
    await expect.poll(async () => (await connect(streamUrl, {})).status, { timeout: 10_000 }).toBe(401);
  });

  test('comes with a new run that asks for one', async () => {
    const { text } = await call('POST', '/v1/runs', { body: { input: 'Do it.', ticket: true } });
    const { run, streamUrl, ticket } = startRunResponseSchema.parse(JSON.parse(text));
    expect(streamUrl).toBe(`${stack.url}/v1/runs/${run.id}/stream?ticket=${ticket}`);
    expect((await connect(streamUrl, {})).status).toBe(200);
    const plain = await call('POST', '/v1/runs', { body: { input: 'Do it.' } });
    expect(JSON.parse(plain.text)).not.toHaveProperty('ticket');
  });

  test('opens this one stream and nothing else', async () => {
    const [run, other] = [await newRun(), await newRun()];
    const { ticket } = await newTicket(run);
    const query = `?ticket=${ticket}`;
    for (const path of [
      `/v1/runs/${other.id}/stream${query}`,
      `/v1/runs/${run.id}${query}`,
      `/v1/runs/${run.id}/stream/${query}`,
      `/v1/threads/${run.threadId}/messages${query}`,
      `/v1/me${query}`,
      `/v1/runs/${run.id}/stream?ticket=`,
      `/v1/runs/${run.id}/stream?ticket=${'x'.repeat(43)}`,
      `/v1/runs/garbage/stream${query}`,
    ]) {
      expect(await call('GET', path, { as: null }), path).toMatchObject({ status: 401 });
    }
    expect((await call('POST', `/v1/runs/${run.id}/cancel${query}`, { as: null })).status).toBe(401);
    expect((await call('HEAD', `/v1/runs/${run.id}/stream${query}`, { as: null })).status).toBe(405);
    // Nor is it a token.
    expect((await call('GET', '/v1/me', { as: ticket })).status).toBe(401);
  });

  test('counts for nothing beside a token: who sends one is who he says he is', async () => {
    const { streamUrl } = await newTicket(await newRun());
    expect((await connect(streamUrl, { token: 'garbage' })).status).toBe(401);
    expect((await connect(streamUrl, { token: stack.signIn().token })).status).toBe(404);
  });

  test('is for those who may read the run, and worthless once it is revoked', async () => {
    const run = await newRun();
    const stranger = stack.signIn().token;
    expect((await call('POST', `/v1/runs/${run.id}/tickets`, { as: stranger })).status).toBe(404);
    expect((await call('DELETE', `/v1/runs/${run.id}/tickets`, { as: stranger })).status).toBe(404);
    const { streamUrl } = await newTicket(run);
    expect((await connect(streamUrl, {})).status).toBe(200);
    expect(await call('DELETE', `/v1/runs/${run.id}/tickets`)).toEqual({ status: 204, text: '' });
    expect((await connect(streamUrl, {})).status).toBe(401);
  });

  test('may be used from another origin', async () => {
    const { streamUrl } = await newTicket(await newRun());
    const aborted = new AbortController();
    const response = await fetch(streamUrl, {
      headers: { origin: 'http://localhost:3000' },
      signal: aborted.signal,
    });
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    aborted.abort();
  });
});
