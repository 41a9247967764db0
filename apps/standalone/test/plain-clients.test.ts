import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseEventId } from '@switchyard/protocol';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from './browser.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { watchEventSource } from './event-source.ts';
import { type Stack, startStack } from './stack.ts';
import { foldFrames } from '../fleet/frames.ts';

const examples = path.resolve(import.meta.dirname, '../../../examples');
/** How long a ticket lives after its run: longer than an EventSource waits before it comes back (3 s). */
const graceMs = 8000;

let stack: Stack;
let proxy: CuttingProxy;
beforeAll(async () => {
  stack = await startStack({ RUN_GRACE_MS: String(graceMs) });
  proxy = await startCuttingProxy(stack.gatewayUrl);
  const words = Array.from({ length: 100 }, (_value, index) => `word-${index} `);
  await stack.setScenario('slow', {
    turns: [
      {
        steps: [
          { text: words.slice(0, 50), delayMs: 60 },
          { toolCall: { name: 'list_files', arguments: {} } },
        ],
      },
      { steps: [{ text: words.slice(50), delayMs: 60 }] },
    ],
  });
  await stack.setScenario('reading', {
    turns: [
      { steps: [{ toolCall: { name: 'list_files', arguments: {} } }] },
      { steps: [{ text: 'It rained once.' }] },
    ],
  });
  await stack.setScenario('stalling', { turns: [{ steps: [{ text: 'One, two' }, { stall: true }] }] });
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await stack.stop();
}, 30_000);

const throughProxy = (streamUrl: string) => streamUrl.replace(stack.gatewayUrl, proxy.url);

/** Cuts the next connections, one in the middle of a frame far in and one near its beginning. */
function cutTwice(): void {
  const cuts = [
    { frames: 25, bytes: 20 },
    { frames: 8, bytes: 33 },
  ];
  proxy.cutEach(() => cuts.shift() ?? null);
}

describe('npm eventsource, as it is', () => {
  test('comes back by itself wherever it is cut, sees each event once, and stops at the end', async () => {
    const { run, streamUrl } = await stack.startRun('[[scenario:slow]]', { ticket: true });
    cutTwice();
    const before = proxy.cuts;
    const { frames, errors, closed } = watchEventSource(throughProxy(streamUrl));
    await closed;
    expect(proxy.cuts - before).toBe(2);
    // Two cuts, the clean end, and the 204 for whoever has it all.
    expect(errors).toHaveLength(4);
    expect(errors.at(-1)).toBe(204);
    const ordinals = frames.flatMap(({ id }) => (id === null ? [] : [parseEventId(id)?.ordinal]));
    expect(ordinals).toEqual(Array.from({ length: ordinals.length }, (_value, index) => index + 1));
    expect(await foldFrames(frames)).toEqual(await stack.readAnswer(run));
  }, 60_000);

  test('may use its ticket as long as the run takes and a while after, and not for ever', async () => {
    const { run, streamUrl } = await stack.startRun('[[scenario:stalling]]', { ticket: true });
    const ageMs = () => Date.now() - Date.parse(run.createdAt);
    await expect.poll(ageMs, { timeout: 2 * graceMs }).toBeGreaterThan(graceMs + 1000);
    const { frames, closed } = watchEventSource(streamUrl);
    await expect.poll(() => frames.map(({ data }) => data).join(), { timeout: 10_000 }).toContain('One, two');
    await stack.client.cancel(run.id);
    await closed;
    await expect.poll(async () => (await fetch(streamUrl)).status, { timeout: 3 * graceMs }).toBe(401);
    const late = watchEventSource(streamUrl);
    await late.closed;
    expect(late.frames).toEqual([]);
    expect(late.errors).toEqual([401]);
  }, 60_000);

  test('is shut out by a ticket that was revoked', async () => {
    const { run, streamUrl } = await stack.startRun('[[scenario:stalling]]', { ticket: true });
    await stack.client.revokeTickets(run.id);
    const { errors, closed } = watchEventSource(streamUrl);
    await closed;
    expect(errors).toEqual([401]);
    await stack.client.cancel(run.id);
  });
});

describe('examples/event-source.html', () => {
  let browser: Browser;
  let server: Server;
  let pageUrl = '';
  beforeAll(async () => {
    browser = await openBrowser();
    const html = await readFile(path.join(examples, 'event-source.html'));
    server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(html),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    pageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/event-source.html`;
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });

  test('shows the answer as it grows, through a line that breaks, and is left in peace at the end', async () => {
    const { run, streamUrl } = await stack.startRun('[[scenario:slow]]', { ticket: true });
    cutTwice();
    const before = proxy.cuts;
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    const statuses: number[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/stream')) statuses.push(response.status());
    });
    await page.goto(`${pageUrl}#${throughProxy(streamUrl)}`);
    await page.getByText('word-3 ').waitFor();
    expect(await page.getByText('word-99').count()).toBe(0);
    await page.locator('[data-closed]').waitFor();
    expect(await page.locator('#answer p').allTextContents()).toEqual(
      [0, 50].map((from) => Array.from({ length: 50 }, (_value, index) => `word-${from + index} `).join('')),
    );
    expect(await page.locator('#answer code').textContent()).toBe('list_files {}');
    expect(await page.getByRole('status').textContent()).toBe('completed');
    expect(proxy.cuts - before).toBe(2);
    expect(statuses).toEqual([200, 200, 200, 204]);
    expect((await stack.readRun(run.id)).status).toBe('completed');
    await page.close();
  }, 60_000);
});

describe('examples/curl.sh', () => {
  test('starts, follows, goes on behind the cut, reads files and cancels, with curl and node alone', async () => {
    const { stdout } = await promisify(execFile)(
      'sh',
      [path.join(examples, 'curl.sh'), '[[scenario:reading]]', '[[scenario:stalling]]'],
      {
        env: { PATH: process.env['PATH'], SWITCHYARD_URL: stack.gatewayUrl, SWITCHYARD_TOKEN: stack.apiKey },
        timeout: 60_000,
      },
    );
    const events = [...stdout.matchAll(/^id: \d+-(\d+)\ndata: (.*)$/gm)];
    const ordinals = events.map(([, ordinal]) => Number(ordinal));
    // The event in whose middle the line broke is sent once more; none is left out.
    expect([...new Set(ordinals)]).toEqual(
      Array.from({ length: Math.max(...ordinals) }, (_value, index) => index + 1),
    );
    expect(ordinals.length - new Set(ordinals).size).toBeLessThanOrEqual(1);
    expect(events.at(-1)?.[2]).toContain('"type":"finish"');
    expect(stdout).toContain('completed (answered)');
    expect(stdout).toContain('city,rain\nSeattle,1\nNew York,2\n');
    expect(stdout).toMatch(/cancelled\n$/);
    expect(stdout).not.toContain(stack.apiKey);
  }, 90_000);
});
