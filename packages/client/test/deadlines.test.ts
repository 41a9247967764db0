import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../src/index.ts';
import { type FaultServer, startFaultServer } from './fault-server.ts';

let server: FaultServer | undefined;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await server?.stop();
});

test.each<[string, (client: Client) => Promise<unknown>]>([
  ['threads.list', (c) => c.threads.list()],
  ['threads.create', (c) => c.threads.create()],
  ['threads.rename', (c) => c.threads.rename('t', 'New')],
  ['threads.delete', (c) => c.threads.delete('t')],
  ['threads.messages', (c) => c.threads.messages('t')],
  ['projects.read', (c) => c.projects.read('p')],
  ['projects.delete', (c) => c.projects.delete('p')],
  ['startRun', (c) => c.startRun({ input: 'Go.' })],
  ['getRun', (c) => c.getRun('r')],
  ['cancel', (c) => c.cancel('r')],
  ['revokeTickets', (c) => c.revokeTickets('r')],
  ['files.list', (c) => c.files.list('p')],
  ['files.read', (c) => c.files.read('p', 'x')],
  ['files.download', (c) => c.files.download('f')],
])('%s waits two minutes for an answer, and no longer', async (_name, call) => {
  server = await startFaultServer(() => undefined);
  const client = createClient({ url: server.url, token: 'key' });
  const outcome = call(client).catch((error: unknown) => error);
  await expect.poll(() => server?.requests.length).toBe(1);
  vi.advanceTimersByTime(119_000);
  expect(server.openCount()).toBe(1);
  vi.advanceTimersByTime(1000);
  expect(await outcome).toMatchObject({ code: 'unreachable' });
  await expect.poll(() => server?.openCount()).toBe(0);
});

/** A client whose answer comes as the test gives it; `asked` says that all that was given has been taken. */
function connect() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let asked = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (own) => void (controller = own),
      pull: () => asked.resolve(),
    },
    { highWaterMark: 0 },
  );
  const client = createClient({
    url: 'http://gateway.example',
    token: 'key',
    fetch: () => Promise.resolve(new Response(body)),
  });
  return {
    client,
    asked: () => asked.promise,
    give: (byte: number): void => {
      asked = Promise.withResolvers<void>();
      controller?.enqueue(Uint8Array.of(byte));
    },
    end: () => controller?.close(),
  };
}

test('a file may take as long as it likes while its bytes come', async () => {
  const { client, asked, give, end } = connect();
  const reading = client.files.read('p', 'x');
  for (const byte of [1, 2, 3, 4, 5]) {
    await asked();
    vi.advanceTimersByTime(50_000);
    give(byte);
  }
  await asked();
  end();
  expect(await reading).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
});

test('a file of which nothing more comes is given up after a minute', async () => {
  const { client, asked, give } = connect();
  const outcome = client.files.read('p', 'x').catch((error: unknown) => error);
  await asked();
  give(1);
  await asked();
  vi.advanceTimersByTime(60_000);
  expect(await outcome).toMatchObject({ code: 'unreachable' });
});
