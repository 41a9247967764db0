import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Chunk, Run } from '@switchyard/protocol';
import { endingChunks, noUsage } from '@switchyard/protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runDemo } from './demo.ts';

const run: Run = {
  id: 'run-1',
  threadId: 'thread-1',
  projectId: 'project-1',
  messageId: 'message-1',
  status: 'queued',
  reason: null,
  model: 'scripted:demo',
  limits: {},
  usage: noUsage,
  costUsd: 0.0125,
  steps: 1,
  error: null,
  lastEventId: null,
  cancel: null,
  createdAt: '2026-01-01T00:00:00Z',
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:00:02Z',
};
const completed: Run = { ...run, status: 'completed', reason: 'finished' };
const failed: Run = {
  ...run,
  status: 'failed',
  reason: 'model-error',
  error: { code: 'model_failed', detail: 'The model gave up.' },
};
const cancelled: Run = { ...run, status: 'cancelled', reason: 'cancelled' };

const beginning: readonly Chunk[] = [
  { type: 'start', messageId: 'message-1' },
  { type: 'start-step' },
  { type: 'text-delta', id: 't', delta: 'Working.' },
];

/** The four routes that the demo uses, as the gateway answers them; the stream is the test's to write. */
async function startGateway(options: {
  readonly stream: (response: ServerResponse, cancelled: Promise<void>) => Promise<void>;
  readonly report?: string;
}) {
  const requests: { route: string; body: string; authorization: string | undefined }[] = [];
  let cancel = () => {};
  const isCancelled = new Promise<void>((resolve) => (cancel = resolve));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const route = `${request.method} ${request.url}`;
    requests.push({
      route,
      body: Buffer.concat(pieces).toString(),
      authorization: request.headers.authorization,
    });
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (route === 'POST /v1/runs') {
      json(202, { run, thread: { id: 'thread-1' }, project: { id: 'project-1' }, streamUrl: 'http://x/' });
    } else if (route === 'GET /v1/runs/run-1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      await options.stream(response, isCancelled);
    } else if (route === 'POST /v1/runs/run-1/cancel') {
      cancel();
      json(200, { run, cancel: null });
    } else if (options.report !== undefined && route.includes('/files/content')) response.end(options.report);
    else
      json(404, {
        type: 'about:blank',
        title: 'Not found.',
        status: 404,
        code: 'not_found',
        detail: 'Not found.',
      });
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function frames(chunks: readonly Chunk[], first = 1): string {
  return chunks.map((chunk, index) => `id: 1-${first + index}\ndata: ${JSON.stringify(chunk)}\n\n`).join('');
}

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'switchyard-demo-cli-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

async function demo(
  gatewayUrl: string,
  more: { files?: string[]; signal?: AbortSignal; saveTo?: string } = {},
) {
  let text = '';
  const { exitCode } = await runDemo({
    gatewayUrl,
    apiKey: 'sy_test',
    task: 'Do it',
    files: more.files ?? [],
    output: { write: (piece) => (text += piece) },
    askPerson: null,
    signal: more.signal ?? new AbortController().signal,
    saveTo: more.saveTo ?? (await folder()),
  });
  return { exitCode, text };
}

test('a completed run exits 0, says cost and time and saves its report beside the caller', async () => {
  const { url, requests } = await startGateway({
    stream: async (response) => {
      response.end(`${frames([...beginning, ...endingChunks(completed)])}data: [DONE]\n\n`);
    },
    report: '# Report\n',
  });
  const saveTo = await folder();
  const file = path.join(saveTo, 'my table.csv');
  await writeFile(file, 'a,b\n1,2\n');
  const { exitCode, text } = await demo(url, { files: [file], saveTo });
  expect(exitCode).toBe(0);
  expect(text).toContain('Working.');
  expect(text).toMatch(/completed \(finished\) · 1 steps · 2\.00 s · .* · \$0\.0125/);
  expect(text).toContain(`Report: ${path.join(saveTo, 'report.md')}`);
  expect(await readFile(path.join(saveTo, 'report.md'), 'utf8')).toBe('# Report\n');
  expect(requests[0]?.body).toContain('my table.csv');
  expect(requests.every(({ authorization }) => authorization === 'Bearer sy_test')).toBe(true);
});

test('a completed run without a report exits 0 all the same', async () => {
  const { url } = await startGateway({
    stream: async (response) => {
      response.end(frames([...beginning, ...endingChunks(completed)]));
    },
  });
  const { exitCode, text } = await demo(url);
  expect(exitCode).toBe(0);
  expect(text).not.toContain('Report:');
});

test('a failed run exits 1 with its reason', async () => {
  const { url } = await startGateway({
    stream: async (response) => {
      response.end(frames([...beginning, ...endingChunks(failed)]));
    },
  });
  const { exitCode, text } = await demo(url);
  expect(exitCode).toBe(1);
  expect(text).toContain('failed (model-error)');
  expect(text).toContain('The run did not complete: The model gave up.');
});

test('an abort cancels the run, shows its end and exits 1', async () => {
  const { url, requests } = await startGateway({
    stream: async (response, isCancelled) => {
      response.write(frames(beginning));
      await isCancelled;
      response.end(frames(endingChunks(cancelled), 4));
    },
  });
  const aborting = new AbortController();
  const pending = demo(url, { signal: aborting.signal });
  await vi.waitFor(() => expect(requests.some(({ route }) => route.startsWith('GET'))).toBe(true));
  aborting.abort();
  const { exitCode, text } = await pending;
  expect(exitCode).toBe(1);
  expect(requests.filter(({ route }) => route.includes('/cancel'))).toHaveLength(1);
  expect(text).toContain('cancelled (cancelled)');
  expect(text).toContain('It was cancelled.');
});

test('a connection that is lost in the middle is taken up again without showing anything twice', async () => {
  let connections = 0;
  const { url } = await startGateway({
    stream: async (response) => {
      connections += 1;
      if (connections === 1) response.write(frames(beginning), () => response.destroy());
      else response.end(frames(endingChunks(completed), 4));
    },
  });
  const { exitCode, text } = await demo(url);
  expect(exitCode).toBe(0);
  expect(connections).toBe(2);
  expect(text.match(/Working\./g)).toHaveLength(1);
});

test('a file that is not there is named before anything is asked', async () => {
  const { url, requests } = await startGateway({ stream: async () => {} });
  const { exitCode, text } = await demo(url, { files: ['/nowhere/at all.csv'] });
  expect(exitCode).toBe(1);
  expect(text).toContain('There is no file /nowhere/at all.csv.');
  expect(requests).toEqual([]);
});

test('a server that is not there is said so', async () => {
  const { exitCode, text } = await demo('http://127.0.0.1:1');
  expect(exitCode).toBe(1);
  expect(text).toContain('cannot be reached');
});
