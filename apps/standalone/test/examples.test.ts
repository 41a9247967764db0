import { mkdir } from 'node:fs/promises';
import { isToolPart } from '@switchyard/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from './browser.ts';
import { type ExampleApp, startExampleApp } from './example-app.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
let browser: Browser;
beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack(), openBrowser()]);
  const words = Array.from({ length: 60 }, (_value, index) => `word-${index} `);
  const scenarios = {
    'Greet me': [{ text: 'Quick answer.' }],
    'Something else': [{ text: 'Other answer.' }],
    'Tell me all': [{ text: words, delayMs: 25 }],
    'Think long': [{ reasoning: 'Where to begin?' }, { text: 'Half a' }, { stall: true as const }],
  };
  const shell = { name: 'shell', arguments: { command: 'echo done', consent: 'May I say done?' } };
  await stack.setScenario('consent', {
    match: { text: 'Ask me' },
    turns: [{ steps: [{ toolCall: shell }] }, { steps: [{ text: 'That is it.' }] }],
  });
  for (const [text, steps] of Object.entries(scenarios)) {
    await stack.setScenario(text.replaceAll(' ', '-'), { match: { text }, turns: [{ steps }] });
  }
}, 120_000);
afterAll(async () => {
  await browser.close();
  await stack.stop();
}, 30_000);

/** Shows what a test sees to whoever sets SHOTS to a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['SHOTS'];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png` });
}

/** A page that fails its test when it throws, or when the browser refuses something to it. */
async function openPage(url: string): Promise<{ readonly page: Page; readonly faults: readonly string[] }> {
  const page = await browser.newPage({ viewport: { width: 1000, height: 720 } });
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // A chat that nobody has written in yet is not there: the browser says so, and nothing is wrong.
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults };
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

describe('examples/use-chat', () => {
  let app: ExampleApp;
  beforeAll(async () => {
    app = await startExampleApp({ name: 'use-chat', gatewayUrl: stack.gatewayUrl, token: stack.apiKey });
  });
  afterAll(() => app.stop());

  test('the build holds no secret', () => {
    expect(app.builtText).toContain('/connection.json');
    expect(app.builtText).not.toContain(stack.apiKey);
  });

  test('a message is answered, edited and answered anew, and still there after a reload', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Greet me, please.');
    await page.getByText('Quick answer.').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Edit').fill('Something else, please.');
    await page.locator('form.edit').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.reload();
    await page.getByText('Other answer.').waitFor();
    expect(await page.locator('article').count()).toBe(2);
    expect(await page.getByText('Quick answer.').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a reload joins the answer that comes; stop ends it', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Tell me all.');
    await page.getByText('word-3').waitFor();
    await page.reload();
    await page.getByText('word-59').waitFor();
    await send(page, 'Think long.');
    await page.getByText('Half a').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    const threadId = new URL(page.url()).hash.slice(1);
    const { messages } = await stack.client.messages(threadId);
    expect(messages.at(-1)?.metadata).toMatchObject({ status: 'cancelled' });
    await shoot(page, 'use-chat');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a call waits for consent, also over a reload, and is allowed or refused', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Ask me first.');
    await page.getByText('asks for your consent').waitFor();
    await page.reload();
    await page.getByText('asks for your consent').waitFor();
    await shoot(page, 'use-chat-consent');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('That is it.').waitFor();
    await send(page, 'Ask me again.');
    await page.getByRole('button', { name: 'Deny' }).click();
    await expect.poll(() => page.getByText('That is it.').count(), { timeout: 20_000 }).toBe(2);
    await shoot(page, 'use-chat-answered');
    const threadId = new URL(page.url()).hash.slice(1);
    const { messages } = await stack.client.messages(threadId);
    const states = messages.flatMap(({ parts }) => parts.filter(isToolPart).map(({ state }) => state));
    expect(states).toEqual(['output-available', 'output-denied']);
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('examples/assistant-ui', () => {
  let app: ExampleApp;
  beforeAll(async () => {
    app = await startExampleApp({ name: 'assistant-ui', gatewayUrl: stack.gatewayUrl, token: stack.apiKey });
  });
  afterAll(() => app.stop());

  test('the build holds no secret', () => {
    expect(app.builtText).toContain('/connection.json');
    expect(app.builtText).not.toContain(stack.apiKey);
  });

  test('a message is answered, edited and answered anew, and still there after a reload', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Greet me, please.');
    await page.getByText('Quick answer.').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Edit').fill('Something else, please.');
    await page.locator('.messages').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).click();
    await page.getByText('Other answer.').waitFor();
    await page.reload();
    await page.getByText('Other answer.').waitFor();
    expect(await page.locator('.message').count()).toBe(2);
    expect(await page.getByText('Quick answer.').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a reload joins the answer that comes; stop ends it', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Tell me all.');
    await page.getByText('word-3').waitFor();
    await page.reload();
    await page.getByText('word-59').waitFor();
    await send(page, 'Think long.');
    await page.getByText('Half a').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Send' }).waitFor();
    const threadId = new URL(page.url()).hash.slice(1);
    const { messages } = await stack.client.messages(threadId);
    expect(messages.at(-1)?.metadata).toMatchObject({ status: 'cancelled' });
    await shoot(page, 'assistant-ui-stop');
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a call waits for consent, also over a reload, and is allowed or refused', async () => {
    const { page, faults } = await openPage(app.url);
    await send(page, 'Ask me first.');
    await page.getByText('asks for your consent').waitFor();
    await page.reload();
    await page.getByText('asks for your consent').waitFor();
    await shoot(page, 'assistant-ui-consent');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('That is it.').waitFor();
    await send(page, 'Ask me again.');
    await page.getByRole('button', { name: 'Deny' }).click();
    await expect.poll(() => page.getByText('That is it.').count(), { timeout: 20_000 }).toBe(2);
    await shoot(page, 'assistant-ui-answered');
    const threadId = new URL(page.url()).hash.slice(1);
    const { messages } = await stack.client.messages(threadId);
    const states = messages.flatMap(({ parts }) => parts.filter(isToolPart).map(({ state }) => state));
    expect(states).toEqual(['output-available', 'output-denied']);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('threads are listed, opened, renamed, archived and deleted', async () => {
    const { page, faults } = await openPage(app.url);
    const thread = (title: string) => page.locator('.thread').filter({ hasText: title });
    async function clickOn(title: string, button: string): Promise<void> {
      await thread(title).hover();
      await thread(title).getByTitle(button).click();
    }
    await send(page, 'Greet me first');
    await page.getByText('Quick answer.').waitFor();
    await page.locator('.threads > button').click();
    await send(page, 'Something else then');
    await page.getByText('Other answer.').waitFor();

    await thread('Greet me first').getByRole('button').first().click();
    await page.getByText('Quick answer.').waitFor();
    expect(await page.getByText('Other answer.').count()).toBe(0);

    await clickOn('Greet me first', 'Rename');
    await page.getByLabel('Title').fill('Greetings');
    await page.getByRole('button', { name: 'Save' }).click();
    await thread('Greetings').waitFor();
    await shoot(page, 'assistant-ui-threads');
    await page.reload();
    await thread('Greetings').waitFor();
    await page.getByText('Quick answer.').waitFor();

    await clickOn('Greetings', 'Archive');
    await thread('Greetings').waitFor({ state: 'detached' });
    await clickOn('Something else then', 'Delete');
    await thread('Something else then').waitFor({ state: 'detached' });
    await expect.poll(titlesOf(false), { timeout: 20_000 }).not.toContain('Something else then');
    await expect.poll(titlesOf(true), { timeout: 20_000 }).toContain('Greetings');
    expect(await titlesOf(false)()).not.toContain('Greetings');
    expect(faults).toEqual([]);
    await page.close();
  });

  const titlesOf = (archived: boolean) => async () =>
    (await stack.client.threads.list({ archived })).threads.map(({ title }) => title);
});
