import { randomUUID } from 'node:crypto';
import { SwitchyardChatTransport } from '@switchyard/client';
import { isToolPart, type SwitchyardMessage } from '@switchyard/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestChat, plain, type TestChat } from './chat-client.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let proxy: CuttingProxy;
beforeAll(async () => {
  stack = await startStack();
  proxy = await startCuttingProxy(stack.gatewayUrl);
  const words = (name: string, count: number) =>
    Array.from({ length: count }, (_value, index) => `${name}-${index} `);
  await stack.setScenario('long', {
    turns: [
      {
        steps: [
          { text: words('before', 300), delayMs: 12 },
          { toolCall: { name: 'shell', arguments: { command: 'seq 1 200' } } },
        ],
      },
      { steps: [{ text: words('after', 300), delayMs: 12 }] },
    ],
  });
  await stack.setScenario('slow', { turns: [{ steps: [{ text: words('word', 80), delayMs: 25 }] }] });
  await stack.setScenario('quick', { turns: [{ steps: [{ text: 'Quick answer.' }] }] });
  await stack.setScenario('other', { turns: [{ steps: [{ text: 'Other answer.' }] }] });
  await stack.setScenario('stalling', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
  await stack.setScenario('silent', { turns: [{ steps: [{ stall: true }] }] });
}, 120_000);
afterAll(async () => {
  await proxy.stop();
  await stack.stop();
}, 30_000);

interface NewChat {
  readonly id?: string;
  readonly url?: string;
  readonly messages?: readonly SwitchyardMessage[];
  readonly abortStopsRun?: boolean;
}

function newChat({
  id = `chat-${randomUUID()}`,
  url = stack.gatewayUrl,
  messages = [],
  ...more
}: NewChat = {}) {
  const transport = new SwitchyardChatTransport({ url, token: stack.apiKey, ...more });
  const { apiKey } = stack;
  return Object.assign(createTestChat({ id, gatewayUrl: url, apiKey, messages, transport }), {
    stopRun: () => transport.stop(id),
  });
}

const stored = async ({ id }: TestChat) => (await stack.client.messages(id)).messages;

async function expectAsStored(chat: TestChat): Promise<void> {
  expect(chat).toMatchObject({ status: 'ready', error: undefined });
  expect(plain(chat.messages)).toEqual(await stored(chat));
}

const say = (scenario: string, words = '') => ({ text: `[[scenario:${scenario}]] ${words}` });
const textOf = (message: SwitchyardMessage | undefined) =>
  (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');

async function begun(chat: TestChat, text: string): Promise<void> {
  await expect.poll(() => textOf(chat.lastMessage), { timeout: 20_000, interval: 10 }).toContain(text);
}

test('a chat that is cut at a hundred places in one run sees one answer, and it is the stored one', async () => {
  const chat = newChat({ url: proxy.url });
  const before = proxy.cuts;
  const somewhere = () => ({
    frames: Math.floor(Math.random() * 5),
    bytes: 1 + Math.floor(Math.random() * 60),
  });
  proxy.cutEach(() => (proxy.cuts - before < 100 ? somewhere() : null));
  try {
    await chat.sendMessage(say('long'));
  } finally {
    proxy.cutEach(() => null);
  }
  expect(proxy.cuts - before).toBe(100);
  for (const name of ['before-0', 'before-299', 'after-0', 'after-299']) {
    expect(textOf(chat.lastMessage).split(`${name} `)).toHaveLength(2);
  }
  await expectAsStored(chat);
}, 90_000);

test('a chat outlives the gateway that served it', async () => {
  const chat = newChat();
  const sending = chat.sendMessage(say('slow'));
  await begun(chat, 'word-5');
  const gateway = await stack.gatewayPid();
  process.kill(gateway, 'SIGKILL');
  await sending;
  expect(textOf(chat.lastMessage)).toContain('word-79');
  await expectAsStored(chat);
  expect(await stack.gatewayPid()).not.toBe(gateway);
}, 60_000);

test('a message that is sent while no gateway is there arrives once one is', async () => {
  const chat = newChat();
  await chat.sendMessage(say('quick'));
  const gateway = await stack.gatewayPid();
  process.kill(gateway, 'SIGKILL');
  await chat.sendMessage(say('other'));
  expect(chat.messages.map(textOf)).toEqual([
    say('quick').text,
    'Quick answer.',
    say('other').text,
    'Other answer.',
  ]);
  await expectAsStored(chat);
}, 60_000);

test('a chat outlives the worker that answered it', async () => {
  const chat = newChat();
  const sending = chat.sendMessage(say('long'));
  await begun(chat, 'after-20');
  process.kill(await stack.workerPid(), 'SIGKILL');
  await sending;
  expect(textOf(chat.lastMessage).split('after-0 ')).toHaveLength(2);
  await expectAsStored(chat);
}, 60_000);

test('the transport’s stop ends the run and the chat’s stream with it', async () => {
  const chat = newChat();
  const sending = chat.sendMessage(say('stalling'));
  await begun(chat, 'Half a');
  expect(await chat.stopRun()).toMatchObject({ cancel: { acceptedAt: expect.any(String) } });
  await sending;
  expect(textOf(chat.lastMessage)).toBe('Half a');
  expect(chat.lastMessage?.metadata).toMatchObject({ status: 'cancelled' });
  await expectAsStored(chat);
});

test('a run that is stopped before its first word leaves what the store has', async () => {
  const chat = newChat();
  const sending = chat.sendMessage(say('silent'));
  await expect.poll(async () => (await stored(chat)).length, { timeout: 20_000 }).toBe(2);
  await chat.stopRun();
  await sending;
  await expectAsStored(chat);
});

test('a chat’s own stop leaves its run alone, or stops it where that was chosen', async () => {
  const statusOf = async (chat: TestChat) => (await stored(chat)).at(-1)?.metadata?.status;
  const leaving = newChat();
  const left = leaving.sendMessage(say('slow'));
  await begun(leaving, 'word-5');
  await leaving.stop();
  await left;
  expect(await statusOf(leaving)).toBe('running');
  await leaving.resumeStream();
  await expectAsStored(leaving);

  const stopping = newChat({ abortStopsRun: true });
  const stopped = stopping.sendMessage(say('stalling'));
  await begun(stopping, 'Half a');
  await stopping.stop();
  await stopped;
  await expect.poll(() => statusOf(stopping), { timeout: 20_000 }).toBe('cancelled');
});

test('an edit and a new answer supersede what they replace, through a line that breaks', async () => {
  const chat = newChat({ url: proxy.url });
  proxy.cutAfter('"delta":"Quick');
  await chat.sendMessage(say('quick', 'first'));
  await chat.sendMessage(say('other', 'second'));
  const [, , edited, answer] = chat.messages;
  proxy.cutAfter('"type":"text-start"');
  await chat.sendMessage({ ...say('quick', 'second, edited'), messageId: edited?.id ?? '' });
  expect(chat.lastMessage?.id).not.toBe(answer?.id);
  await expectAsStored(chat);
  const replaced = chat.lastMessage?.id ?? '';
  proxy.cutAfter('"type":"start"');
  await chat.regenerate({ messageId: replaced });
  expect(chat.lastMessage?.id).not.toBe(replaced);
  expect(chat.messages).toHaveLength(4);
  await expectAsStored(chat);
});

test('a call waits for a person, and the message goes on, however often the line breaks', async () => {
  const shell = (command: string) => ({
    toolCall: { name: 'shell', arguments: { command, consent: `May I run ${command}?` } },
  });
  await stack.setScenario('asking', {
    turns: [
      { steps: [{ text: 'I would do this.' }, shell('echo done > a.txt'), shell('echo no > b.txt')] },
      { steps: [{ toolCall: { name: 'list_files', arguments: {} } }] },
      { steps: [{ text: 'That is it.' }] },
    ],
  });
  const chat = newChat({ url: proxy.url });
  // The first connections of the question and of the answer too, before anything on them has an id.
  let nth = 0;
  proxy.cutEach(() => ((nth += 1) % 4 === 0 ? null : { frames: nth % 4 === 1 ? 0 : 3, bytes: 20 }));
  try {
    await chat.sendMessage(say('asking'));
    const asked = (chat.lastMessage?.parts ?? []).flatMap((part) =>
      isToolPart(part) && part.state === 'approval-requested' ? [part.approval.id] : [],
    );
    expect(asked).toHaveLength(2);
    await expectAsStored(chat);
    await chat.addToolApprovalResponse({ id: asked[0]!, approved: true });
    await chat.addToolApprovalResponse({ id: asked[1]!, approved: false });
    await begun(chat, 'That is it.');
    await expect.poll(() => chat.status).toBe('ready');
  } finally {
    proxy.cutEach(() => null);
  }
  expect(chat.messages).toHaveLength(2);
  const states = (chat.lastMessage?.parts ?? []).filter(isToolPart).map(({ state }) => state);
  expect(states).toEqual(['output-available', 'output-denied', 'output-available']);
  await expectAsStored(chat);
}, 60_000);

test('a page that comes late resumes in mid-run through a line that breaks, and soon after the end', async () => {
  const first = newChat();
  const sending = first.sendMessage(say('slow'));
  await begun(first, 'word-10');
  const late = newChat({ id: first.id, url: proxy.url, messages: await stored(first) });
  proxy.cutAfter('"delta":"word-3');
  await late.resumeStream();
  await sending;
  await expectAsStored(late);
  const later = newChat({ id: first.id, messages: (await stored(first)).slice(0, 1) });
  await later.resumeStream();
  await expectAsStored(later);
  const fresh = newChat();
  await fresh.resumeStream();
  expect(fresh).toMatchObject({ status: 'ready', messages: [] });
});

test('what the gateway refuses is a SwitchyardError on the page', async () => {
  const chat = newChat();
  await chat.sendMessage({ text: ' ' });
  expect(chat.error).toMatchObject({ name: 'SwitchyardError', code: 'invalid_request', status: 400 });
});
