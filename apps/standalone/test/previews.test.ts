import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './browser.ts';
import { signIn, startTask, visitPage } from './page-visit.ts';
import { type Stack, startStack } from './stack.ts';

/** A page that talks to its own server by a WebSocket, and tries to reach into the page that opened it. */
const server = `
const { createHash } = require('node:crypto');
const page = "<title>My app</title><p id=said>nothing yet</p><p id=opener></p><script>" +
  "document.all.opener.textContent = 'opener ' + window.opener + ', from ' + document.referrer;" +
  "const socket = new WebSocket('ws://' + location.host + '/socket');" +
  "socket.onmessage = ({ data }) => { document.all.said.textContent = data; };</script>";
const http = require('node:http').createServer((request, response) => response.setHeader('content-type', 'text/html').end(page));
http.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  const text = Buffer.from('said by the socket');
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
});
http.listen(3000, '127.0.0.1');
`;

let stack: Stack;
let browser: Browser;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
  const call = (name: string, given: Record<string, unknown>) => ({ toolCall: { name, arguments: given } });
  await stack.setScenario('serving', {
    turns: [
      { steps: [call('write_file', { path: 'server.cjs', content: server })] },
      { steps: [call('shell', { command: 'setsid node server.cjs >server.log 2>&1 &' })] },
      { steps: [call('expose_port', { port: 3000, title: 'My app' })] },
      { steps: [{ text: 'Have a look.' }] },
    ],
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);

test('what a server of the agent serves is opened from the page, on an origin of its own, sockets and all', async () => {
  const visit = await visitPage(browser, stack);
  const { page } = visit;
  await signIn(visit, stack);
  await startTask(page, '[[scenario:serving]]');
  const opening = page.context().waitForEvent('page');
  await page.getByRole('button', { name: 'Open the preview' }).click();
  const preview = await opening;
  await preview.getByText('said by the socket').waitFor();
  expect(new URL(preview.url()).hostname).toMatch(/^3000-[a-z2-7]+\.localhost$/);
  expect(await preview.locator('#opener').textContent()).toBe('opener null, from ');
  await page.getByText('Have a look.').waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Open the preview' }).waitFor();
  await visit.close();
}, 60_000);
