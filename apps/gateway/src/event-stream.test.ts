import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EventStream, shareFrames } from './event-stream.ts';
import { limits } from './limits.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const stop of stops.splice(0)) stop();
});

/** A server whose responses the test takes as they come, and a bare connection to it. */
async function open(
  request: string,
): Promise<{ client: Socket; text: () => string; next: () => Promise<ServerResponse> }> {
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => void responses.push(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  stops.push(
    () => client.destroy(),
    () => server.close(),
  );
  // Bytes, one a character: chunks are counted in them.
  let text = '';
  client.setEncoding('latin1');
  client.on('data', (data) => (text += String(data)));
  client.on('error', () => undefined);
  client.write(request);
  return {
    client,
    text: () => text,
    next: async () => {
      await expect.poll(() => responses.length).toBeGreaterThan(0);
      return responses.shift()!;
    },
  };
}

function streamOn(response: ServerResponse, forget: (stream: EventStream) => void = () => undefined) {
  return new EventStream(response, [['content-type', 'text/event-stream']], forget);
}

const shared = (text: string) => shareFrames([Buffer.from(text)]);
const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

/** What a body in chunked coding says. */
function unchunked(text: string): string {
  let body = '';
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  while (rest.length > 0) {
    const length = Number.parseInt(rest, 16);
    const begin = rest.indexOf('\r\n') + 2;
    body += rest.slice(begin, begin + length);
    expect(rest.slice(begin + length, begin + length + 2)).toBe('\r\n');
    rest = rest.slice(begin + length + 2);
  }
  return body;
}

describe('frames for many', () => {
  test('come between those for one in the order in which both were written, within a tick and after it', async () => {
    const { next, text } = await open(get);
    const stream = streamOn(await next());
    let expected = ':\n\n';
    for (let turn = 0; turn < 200; turn += 1) {
      for (const own of turn % 3 === 0 ? [true, false, false] : [false, true, false]) {
        const frame = `${own ? 'own' : 'shared'} ${turn} ü\n\n`;
        expected += frame;
        if (own) stream.write(frame);
        else stream.writeShared(shared(frame));
      }
      if (turn % 5 === 0) await new Promise(setImmediate);
    }
    stream.end();
    await expect.poll(text).toMatch(/0\r\n\r\n$/);
    expect(Buffer.from(unchunked(text()), 'latin1').toString()).toBe(`${expected}data: [DONE]\n\n`);
  });

  test('come without chunks to a client that speaks HTTP/1.0', async () => {
    const { next, text } = await open('GET / HTTP/1.0\r\n\r\n');
    const stream = streamOn(await next());
    stream.writeShared(shared('one\n\n'));
    stream.writeShared(shared('two\n\n'));
    stream.end();
    await expect.poll(text).toMatch(/\r\n\r\n:\n\none\n\ntwo\n\ndata: \[DONE\]\n\n$/);
  });

  test('wait for the response before theirs on one connection', async () => {
    const { next, text } = await open(get + get);
    const first = await next();
    const stream = streamOn(await next());
    stream.writeShared(shared('late\n\n'));
    first.end('first');
    await expect.poll(text).toContain('late');
    expect(text().indexOf('first')).toBeLessThan(text().indexOf('late'));
    stream.writeShared(shared('later\n\n'));
    await expect.poll(text).toContain('7\r\nlater\n\n\r\n');
  });
});

describe('a viewer who takes nothing', () => {
  async function stall(): Promise<{ stream: EventStream; client: Socket }> {
    const { next, client } = await open(get);
    const stream = streamOn(await next());
    client.pause();
    const frames = shared('x'.repeat(64 * 1024));
    // Some megabytes are the kernel's.
    while (stream.writeShared(frames)) await new Promise(setImmediate);
    expect(stream.bufferedBytes).toBeGreaterThan(limits.stream.viewerBufferBytes);
    return { stream, client };
  }

  test('is awaited until he has taken all', async () => {
    const { stream, client } = await stall();
    let isDrained = false;
    const drained = stream.drained().then(() => (isDrained = true));
    await new Promise(setImmediate);
    expect(isDrained).toBe(false);
    client.resume();
    await drained;
    expect(stream.bufferedBytes).toBe(0);
  });

  test('is cut after a while, and told of to those who count him and who serve him', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stream } = await stall();
    const closed = vi.fn<() => void>();
    stream.onClose = closed;
    const drained = stream.drained();
    vi.advanceTimersByTime(limits.stream.stalledViewerMs);
    await drained;
    expect(stream.isClosed).toBe(true);
    expect(closed).toHaveBeenCalledOnce();
  });

  test('is cut after a while though the run has ended, and one who takes the rest is not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { stream, client } = await stall();
    const slow = await stall();
    let ended = '';
    slow.client.on('data', (text) => (ended = String(text)));
    const closed = vi.fn<() => void>();
    stream.onClose = closed;
    stream.end();
    slow.stream.end();
    slow.client.resume();
    await expect.poll(() => ended).toMatch(/\[DONE\]\n\n\r\n0\r\n\r\n$/);
    expect(closed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(limits.stream.stalledViewerMs);
    await expect.poll(() => closed.mock.calls.length).toBe(1);
    client.resume();
    expect(slow.client.destroyed).toBe(false);
  });
});

test('a connection that is gone is forgotten once, and takes what is written to it without a word', async () => {
  const { next, client } = await open(get);
  const forget = vi.fn<(stream: EventStream) => void>();
  const stream = streamOn(await next(), forget);
  client.destroy();
  await expect.poll(() => forget.mock.calls).toEqual([[stream]]);
  expect(stream.write('more\n\n')).toBe(true);
  expect(stream.writeShared(shared('more\n\n'))).toBe(true);
  await stream.drained();
  stream.cut();
  stream.end();
});
