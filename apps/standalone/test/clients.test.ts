import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SwitchyardMessage } from '@switchyard/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from './browser.ts';
import { plain } from './chat-client.ts';
import { browserClients } from './clients/browser-clients.ts';
import type { ChatSession } from './clients/chat-session.ts';
import { approvalsAsked } from './clients/follower-session.ts';
import { nodeClients } from './clients/node-clients.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { type ExampleApp, startViteApp } from './example-app.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let proxy: CuttingProxy;
let browser: Browser;
let app: ExampleApp;
let page: Page;
const faults: string[] = [];
beforeAll(async () => {
  [stack, browser, app] = await Promise.all([
    // One account asks for more here than people do.
    startStack({ RATE_LIMIT_WRITES: '10000' }),
    openBrowser(),
    startViteApp(path.join(import.meta.dirname, 'clients/page')),
  ]);
  proxy = await startCuttingProxy(stack.gatewayUrl);
  page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(app.url);
  const words = Array.from({ length: 60 }, (_value, index) => `word-${index} `);
  await stack.setScenario('slow', { turns: [{ steps: [{ text: words, delayMs: 10 }] }] });
  await stack.setScenario('quick', { turns: [{ steps: [{ text: 'Quick answer.' }] }] });
  await stack.setScenario('other', { turns: [{ steps: [{ text: 'Other answer.' }] }] });
  await stack.setScenario('stalling', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
  const shell = { name: 'shell', arguments: { command: 'echo done', consent: 'May I say done?' } };
  await stack.setScenario('asking', {
    turns: [{ steps: [{ toolCall: shell }] }, { steps: [{ text: 'That is it.' }] }],
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await app.stop();
  await proxy.stop();
  await stack.stop();
}, 30_000);

const clients = [...nodeClients, ...browserClients(() => page)];
const say = (scenario: string, words = '') => `[[scenario:${scenario}]] ${words}`;
const textOf = (message: SwitchyardMessage | undefined) =>
  (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
const within = { timeout: 20_000, interval: 20 };

async function stored(chat: ChatSession): Promise<SwitchyardMessage[]> {
  return (await stack.client.messages(await chat.chatId())).messages;
}

/** Waits for the end of the answer that is last, and compares all that the client shows with all that is stored. */
async function expectAsStored(chat: ChatSession, status = 'completed'): Promise<void> {
  await expect.poll(async () => (await chat.messages()).at(-1)?.metadata?.status, within).toBe(status);
  expect(plain(await chat.messages())).toEqual(await stored(chat));
}

async function begun(chat: ChatSession, text: string): Promise<void> {
  await expect.poll(async () => textOf((await chat.messages()).at(-1)), within).toContain(text);
}

const isEnded = (messages: readonly SwitchyardMessage[]) => messages.at(-1)?.metadata?.status === 'completed';

/** What was seen of each client: whether it came back without its app's help. */
const rejoinedByItself = new Map<string, boolean>();

describe.each(clients)('$name', (client) => {
  const open = (place: { readonly chatId?: string; readonly gatewayUrl?: string } = {}) =>
    client.open({ gatewayUrl: stack.gatewayUrl, apiKey: stack.apiKey, ...place });

  test('sends, edits and asks for another answer', async () => {
    const chat = await open();
    await chat.send(say('quick', 'first'));
    await chat.send(say('other', 'second'));
    await expectAsStored(chat);
    const [, , question] = await chat.messages();
    await chat.edit(question?.id ?? '', say('quick', 'second, edited'));
    await expectAsStored(chat);
    const before = await chat.messages();
    expect(before.map(textOf)).toEqual([
      say('quick', 'first'),
      'Quick answer.',
      say('quick', 'second, edited'),
      'Quick answer.',
    ]);
    await chat.regenerate(before.at(-1)?.id ?? '');
    await expectAsStored(chat);
    const after = await chat.messages();
    expect(after).toHaveLength(4);
    expect(after.at(-1)?.id).not.toBe(before.at(-1)?.id);
    await chat.close();
  });

  test('loses its connection in mid-frame and ends with the stored message', async () => {
    const chat = await open({ gatewayUrl: proxy.url });
    const { cuts } = proxy;
    proxy.cutAfter('"delta":"word-2');
    await chat.send(say('slow'));
    expect(proxy.cuts).toBe(cuts + 1);
    const isByItself = isEnded(await chat.messages());
    if (!isByItself) await chat.rejoin();
    expect(textOf((await chat.messages()).at(-1))).toContain('word-59');
    await expectAsStored(chat);
    rejoinedByItself.set(client.name, isByItself);
    await chat.close();
  });

  test('is stopped and keeps what was said', async () => {
    const chat = await open();
    const sending = chat.send(say('stalling'));
    await begun(chat, 'Half a');
    const response = await fetch(`${stack.gatewayUrl}/v1/chat/${await chat.chatId()}/stop`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.apiKey}` },
    });
    expect(response.status).toBe(200);
    await sending;
    expect(textOf((await chat.messages()).at(-1))).toBe('Half a');
    await expectAsStored(chat, 'cancelled');
    await chat.close();
  });

  test('asks a person and goes on with the answer', async () => {
    for (const isAllowed of [true, false]) {
      const chat = await open();
      await chat.send(say('asking'));
      const waiting = (await chat.messages()).at(-1);
      expect(plain(waiting?.parts)).toEqual((await stored(chat)).at(-1)?.parts);
      const [approvalId = ''] = approvalsAsked(waiting);
      await chat.approve(approvalId, isAllowed);
      await begun(chat, 'That is it.');
      await expectAsStored(chat);
      const states = JSON.stringify((await chat.messages()).at(-1)?.parts);
      expect(states).toContain(isAllowed ? '"state":"output-available"' : '"state":"output-denied"');
      await chat.close();
    }
  });

  test('opens where an answer is coming, and shows all of it', async () => {
    const first = await open();
    const sending = first.send(say('slow'));
    await begun(first, 'word-5');
    const chatId = await first.chatId();
    const { messages } = await stack.client.messages(chatId);
    const late = await client.open({ gatewayUrl: stack.gatewayUrl, apiKey: stack.apiKey, chatId, messages });
    expect(await late.chatId()).toBe(chatId);
    await late.rejoin();
    await sending;
    await expectAsStored(late);
    await expectAsStored(first);
    await first.close();
    await late.close();
  });
});

test('no client threw in the browser', () => {
  expect(faults).toEqual([]);
});

test('the README says which client rejoins by itself', async () => {
  const file = path.resolve(import.meta.dirname, '../../../README.md');
  const readme = await readFile(file, 'utf8');
  expect([...rejoinedByItself.keys()]).toEqual(clients.map(({ name }) => name));
  const rows = clients.map(({ name, rejoinCall }) => {
    const answer = rejoinedByItself.get(name) === true ? 'yes' : `no: call ${rejoinCall}`;
    return `| ${name} | ${answer} |`;
  });
  const table = ['| client | rejoins by itself? |', '|---|---|', ...rows].join('\n');
  const marks = /(<!-- clients: .*-->\n)[^]*?(\n<!-- \/clients -->)/;
  expect(readme).toMatch(marks);
  await expect(
    readme.replace(marks, (_all, begin: string, end: string) => begin + table + end),
  ).toMatchFileSnapshot(file);
});
